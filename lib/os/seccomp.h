/* seccomp.h - compiles a seccomp profile to a BPF program (libseccomp).
 *
 * Only coracle-oci links this; the others load what it compiled.
 *
 * Ownership: out receives the bytes of a struct sock_filter[].
 * Errors: -EINVAL a profile that cannot be expressed, or that would wait for a
 * listener who cannot be told; -EFBIG more than the kernel takes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/fmt/secprof.h"

/* The filter for a container whose bounding set is caps. */
int seccomp_compile(struct buf *out, const struct secprof *p, uint64_t caps,
		    struct err *e) MUST_CHECK;

/* Does this kernel take the flag (SECCOMP_FILTER_FLAG_*)? */
bool seccomp_has_flag(uint32_t flag);
