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

struct ctr_env;

/* profile: NULL for the default, else JSON.  The bytes of a sock_filter[]. */
int ctr_seccomp_filter(struct buf *out, struct ctr_env *env, const char *profile,
		       uint64_t caps, struct err *e) MUST_CHECK;
