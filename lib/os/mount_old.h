/* mount_old.h - inside lib/os: what lib/os/mount.h promises, by mount(2).
 *
 * Nothing here is needed once Linux 5.12 is the minimum, but for overlays: no
 * kernel before 6.5 takes their layers one by one.
 */
#pragma once

#include "lib/os/mount.h"

/* Is it the answer of a kernel that has no such call, or of a sandbox? */
static inline bool mount_is_hidden(int code)
{
	return code == ENOSYS || code == EPERM;
}

int mount_old_fs(struct mount_stage *st, const char *type, const char *pairs,
		 size_t len, uint64_t attrs) MUST_CHECK;
int mount_old_tree(struct mount_stage *st, int dirfd, const char *path,
		   bool recursive, bool no_follow) MUST_CHECK;
int mount_old_change(struct mount_stage *st, int fd, const struct mount_change *c,
		     bool recursive) MUST_CHECK;
int mount_old_attach(int mount, int target) MUST_CHECK;
