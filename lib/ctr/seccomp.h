/* seccomp.h - the compiled filter of a container, from the cache.
 *
 * Compiling needs libseccomp, which coracle does not link: coracle-oci does
 * it once for each profile and capability set, and the result is kept in
 * CACHE/seccomp.  A cached file is ours alone (0600 in a 0700 directory) and
 * is checked for its shape before it is used.
 *
 * Errors: those of the compiler; -EBADMSG it gave no filter.
 */
#pragma once

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/fmt/secprof.h"

struct ctr_env;

/* text: NULL for the default profile, else JSON.  out: the bytes of a
 * sock_filter[]; profile: what they do not tell, flags and listener. */
int ctr_seccomp_filter(struct buf *out, struct secprof *profile, struct ctr_env *env,
		       const char *text, uint64_t caps, struct err *e) MUST_CHECK;
