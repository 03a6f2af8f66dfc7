/* cgpath.h - linux.cgroupsPath of the runtime-spec, and what it means to each
 * manager of control groups.
 *
 * For cgroupfs it is a path below the mount; for systemd it is what runc made
 * of it, "slice:prefix:name": the scope prefix-name.scope in that slice.
 *
 * Errors: -EINVAL, -ENAMETOOLONG, naming the member.
 */
#pragma once

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/limits.h"

/* base/path without empty and "." components; ".." is refused.  base is clean
 * ("/" or "/a/b"), path may begin with a slash. */
int cgpath_join(char *out, size_t size, const char *base, const char *path,
		struct err *e) MUST_CHECK;

struct cgpath_unit {
	char slice[MAX_COMPONENT + 1];	/* "": the manager's own choice */
	char unit[MAX_COMPONENT + 1];	/* "prefix-name.scope" */
};

/* cgroups_path NULL or "": coracle-ID.scope. */
int cgpath_unit(struct cgpath_unit *out, const char *cgroups_path, const char *id,
		struct err *e) MUST_CHECK;
