#include "lib/os/mount.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "lib/base/str.h"
#include "lib/os/mount_old.h"

/* fsconfig(2) for all pairs, and the file system is there. */
static int configure(int fs, const char *pairs, size_t len, uint32_t *refused)
{
	for (const char *key = pairs; key < pairs + len;) {
		const char *value = key + strlen(key) + 1;
		int r;

		if (*value)
			r = fsconfig(fs, FSCONFIG_SET_STRING, key, value, 0);
		else
			r = fsconfig(fs, FSCONFIG_SET_FLAG, key, NULL, 0);
		if (r < 0) {
			*refused = (uint32_t)(key - pairs) + 1;
			return -errno;
		}
		key = value + strlen(value) + 1;
	}
	return fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0 ? -errno : 0;
}

/* until Linux 6.5 is the minimum: others refuse the key, or only in the end */
static bool wants_one_text(const char *pairs, size_t len)
{
	return len && str_eq(pairs, "lowerdir+");
}

int mount_fs(struct mount_stage *st, const char *type, const char *pairs,
	     size_t len, uint64_t attrs)
{
	AUTO_FD int fs = fsopen(type, FSOPEN_CLOEXEC);
	uint32_t ignored;
	int fd, r;

	if (fs < 0)
		return st && mount_is_hidden(errno) ?
			mount_old_fs(st, type, pairs, len, attrs) : -errno;
	r = configure(fs, pairs, len, st ? &st->refused : &ignored);
	if (r == -EINVAL && st && wants_one_text(pairs, len))
		return mount_old_fs(st, type, pairs, len, attrs);
	if (r < 0)
		return r;
	fd = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)attrs);
	if (fd < 0 && st && errno == ENOSYS)
		return mount_old_fs(st, type, pairs, len, attrs);
	return fd < 0 ? -errno : fd;
}

/* Is it "/"?  A copy of all that is mounted there would begin with the stage. */
static bool is_under_stage(const struct mount_stage *st, int dirfd, const char *path,
			   bool no_follow)
{
	int flags = AT_EMPTY_PATH | (no_follow ? AT_SYMLINK_NOFOLLOW : 0);
	struct stat s, root;

	return st && st->fd >= 0 && fstatat(dirfd, path, &s, flags) == 0 &&
	       stat("/", &root) == 0 && s.st_dev == root.st_dev && s.st_ino == root.st_ino;
}

int mount_tree(struct mount_stage *st, int dirfd, const char *path,
	       bool recursive, bool no_follow)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
	int fd;

	if (recursive && is_under_stage(st, dirfd, path, no_follow))
		return mount_old_tree(st, dirfd, path, recursive, no_follow);
	if (!*path)
		flags |= AT_EMPTY_PATH;
	if (recursive)
		flags |= AT_RECURSIVE;
	if (no_follow)
		flags |= AT_SYMLINK_NOFOLLOW;
	fd = open_tree(dirfd, path, flags);
	if (fd < 0 && st && mount_is_hidden(errno))
		return mount_old_tree(st, dirfd, path, recursive, no_follow);
	return fd < 0 ? -errno : fd;
}

static int set_attr(int fd, const struct mount_attr *attr, bool recursive)
{
	unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0u);

	return mount_setattr(fd, "", flags, (struct mount_attr *)attr, sizeof(*attr)) < 0 ?
		-errno : 0;
}

int mount_change(struct mount_stage *st, int fd, const struct mount_change *c,
		 bool recursive)
{
	const struct mount_attr nothing = { .attr_set = 0 };
	struct mount_attr attr = {
		.attr_set = c->set,
		.attr_clr = c->clear,
		.propagation = c->propagation,
	};
	int r;

	/* The kernel wants the whole field of access times cleared when one of
	 * them is set. */
	if (c->set & MOUNT_ATTR__ATIME)
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	r = set_attr(fd, &attr, recursive);
	/* It is refused for good reasons, too: then not to change anything. */
	if (r == -ENOSYS || (r == -EPERM && set_attr(fd, &nothing, false) == -EPERM))
		return mount_old_change(st, fd, c, recursive);
	return r;
}

int mount_attach(int mount, int target)
{
	if (move_mount(mount, "", target, "",
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) == 0)
		return 0;
	return mount_is_hidden(errno) ? mount_old_attach(mount, target) : -errno;
}

uint32_t mount_magic(int fd)
{
	struct statfs sf;

	return fstatfs(fd, &sf) < 0 ? 0 : (uint32_t)sf.f_type;
}

/* What is on the stage could not be spared from this before. */
static int spread_nothing(int old, int root)
{
	if (fchdir(old) < 0 || mount(NULL, ".", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	return fchdir(root) < 0 ? -errno : 0;
}

int mount_pivot(const struct mount_stage *st, int root)
{
	AUTO_FD int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = 0;

	/* Both names are the new root: the old one ends up mounted on top of
	 * it, where "." still leads after pivot_root(2), and is taken off. */
	if (old < 0 || fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return -errno;
	if (st->fd >= 0)
		r = spread_nothing(old, root);
	if (r < 0)
		return r;
	/* On top of that lies its stage. */
	if (st->fd >= 0 && umount2(".", MNT_DETACH) < 0)
		return -errno;
	if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return -errno;
	return 0;
}

int mount_chroot(const struct mount_stage *st, int root)
{
	struct stat stage, top;

	if (fchdir(root) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return -errno;
	/* One that was needed late lies over the new root. */
	if (st->fd >= 0 && fstat(st->fd, &stage) == 0 && stat("/..", &top) == 0 &&
	    stage.st_dev == top.st_dev && umount2("/..", MNT_DETACH) < 0)
		return -errno;
	return 0;
}
