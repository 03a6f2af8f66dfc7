/* subid.h - the lines of /etc/subuid and /etc/subgid: "owner:start:count",
 * where owner is a login name or a user id.  subuid(5).
 *
 * For hosts without libsubid.  As there, a line that is not well formed (no
 * number, an empty range, one past the last id) grants nothing.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/fmt/idmap.h"

/* The grants of one user in the order of the file; name may be NULL.  Returns
 * how many.  -E2BIG: more than room; -EFBIG: beyond MAX_ROOT_FILE. */
int subid_parse(struct id_grant *out, size_t room, const char *data,
		size_t len, const char *name, uint32_t uid,
		struct err *e) MUST_CHECK;
