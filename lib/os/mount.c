#include "lib/os/mount.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

int mount_fs(const char *type, const char *pairs, size_t len, uint64_t attrs)
{
	AUTO_FD int fs = fsopen(type, FSOPEN_CLOEXEC);
	const char *end = pairs + len;
	int fd;

	if (fs < 0)
		return -errno;
	while (pairs < end) {
		const char *value = pairs + strlen(pairs) + 1;
		int r;

		if (*value)
			r = fsconfig(fs, FSCONFIG_SET_STRING, pairs, value, 0);
		else
			r = fsconfig(fs, FSCONFIG_SET_FLAG, pairs, NULL, 0);
		if (r < 0)
			return -errno;
		pairs = value + strlen(value) + 1;
	}
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)attrs);
	return fd < 0 ? -errno : fd;
}

int mount_tree(int dirfd, const char *path, bool recursive, bool no_follow)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	int fd;

	if (!*path)
		flags |= AT_EMPTY_PATH;
	if (recursive)
		flags |= AT_RECURSIVE;
	if (no_follow)
		flags |= AT_SYMLINK_NOFOLLOW;
	fd = open_tree(dirfd, path, flags);
	return fd < 0 ? -errno : fd;
}

int mount_change(int fd, const struct mount_change *c, bool recursive)
{
	struct mount_attr attr = {
		.attr_set = c->set,
		.attr_clr = c->clear,
		.propagation = c->propagation,
	};

	/* The kernel wants the whole field of access times cleared when one of
	 * them is set. */
	if (c->set & MOUNT_ATTR__ATIME)
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	if (mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0u),
			  &attr, sizeof(attr)) < 0)
		return -errno;
	return 0;
}

int mount_attach(int mount, int target)
{
	if (move_mount(mount, "", target, "",
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return -errno;
	return 0;
}

uint32_t mount_magic(int fd)
{
	struct statfs sf;

	return fstatfs(fd, &sf) < 0 ? 0 : (uint32_t)sf.f_type;
}

int mount_pivot(int root)
{
	/* Both names are the new root: the old one ends up mounted on top of
	 * it, where "." still leads after pivot_root(2), and is taken off. */
	if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return -errno;
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}
