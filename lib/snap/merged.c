/* The two drivers that have all layers in one tree: they differ in how they get
 * another one like it. */
#include "lib/snap/merged.h"

#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "lib/base/fs.h"
#include "lib/snap/try.h"

int merged_prepare(const struct snap_driver *d, int base_fd, const char *id,
		   const struct strv *lowers, struct err *e)
{
	AUTO_FD int dir = fs_mkdirs(base_fd, id, 0700, e);
	AUTO_FD int from = -1;

	if (dir < 0)
		return dir;
	if (lowers->len > 1)
		return err_set(e, EINVAL, "there is one tree below, not %zu", lowers->len);
	if (lowers->len) {
		from = fs_open_dir(base_fd, lowers->v[0], e);
		if (from < 0)
			return from;
	}
	return d->clone(d, dir, from, e);
}

/* (child) */
static int try_both(void *arg, struct err *e)
{
	const struct snap_try *t = arg;
	AUTO_FD int dir = fs_open_dir(AT_FDCWD, t->dir, e);
	AUTO_FD int one = -1, two = -1;
	int r;

	if (dir < 0)
		return dir;
	one = fs_mkdirs(dir, "one", 0700, e);
	if (one < 0)
		return one;
	two = fs_mkdirs(dir, "two", 0700, e);
	if (two < 0)
		return two;
	r = t->driver->clone(t->driver, one, -1, e);
	return r < 0 ? r : t->driver->clone(t->driver, two, one, e);
}

int merged_probe(const struct snap_driver *d, const struct snap_env *env, struct err *e)
{
	struct snap_try t = { .driver = d };

	return snap_try(env, &t, try_both, e);
}

/* --- native: copies --- */

static int native_probe(const struct snap_driver *d UNUSED, const struct snap_env *env,
			struct err *e)
{
	AUTO_FD int fd = fs_open_dir(AT_FDCWD, env->base, e);

	return fd < 0 ? fd : 0;
}

static int native_clone(const struct snap_driver *d UNUSED, int dir_fd, int from_fd,
			struct err *e)
{
	AUTO_FD int to = fs_mkdirs(dir_fd, "fs", 0755, e);
	AUTO_FD int from = -1;

	if (to < 0 || from_fd < 0)
		return to < 0 ? to : 0;
	from = fs_open_dir(from_fd, "fs", e);
	return from < 0 ? from : snap_copy_tree(to, from, e);
}

const struct snap_driver snap_native = {
	.name = "native",
	.form = SNAP_MERGED,
	.kind = ROOTFS_DIR,
	.probe = native_probe,
	.prepare = merged_prepare,
	.clone = native_clone,
};

/* --- btrfs: a subvolume for each --- */

static int new_subvolume(int dir_fd, struct err *e)
{
	struct btrfs_ioctl_vol_args_v2 args = { .name = "fs" };

	if (ioctl(dir_fd, BTRFS_IOC_SUBVOL_CREATE_V2, &args) < 0)
		return err_sys(e, "make a subvolume");
	return fchmodat(dir_fd, "fs", 0755, 0) < 0 ? err_sys(e, "set mode of a subvolume") : 0;
}

static int btrfs_clone(const struct snap_driver *d UNUSED, int dir_fd, int from_fd,
		       struct err *e)
{
	struct btrfs_ioctl_vol_args_v2 args = { .name = "fs" };
	AUTO_FD int from = -1;

	if (from_fd < 0)
		return new_subvolume(dir_fd, e);
	from = fs_open_dir(from_fd, "fs", e);
	if (from < 0)
		return from;
	args.fd = from;
	if (ioctl(dir_fd, BTRFS_IOC_SNAP_CREATE_V2, &args) < 0)
		return err_sys(e, "make a snapshot of a subvolume");
	return 0;
}

static int btrfs_probe(const struct snap_driver *d, const struct snap_env *env, struct err *e)
{
	struct statfs fs;

	if (statfs(env->base, &fs) < 0)
		return err_sys(e, "'%s'", env->base);
	if (fs.f_type != BTRFS_SUPER_MAGIC)
		return err_set(e, ENOTSUP, "'%s' is not on btrfs", env->base);
	return merged_probe(d, env, e);
}

const struct snap_driver snap_btrfs = {
	.name = "btrfs",
	.form = SNAP_MERGED,
	.kind = ROOTFS_DIR,
	.is_chained = true,
	.probe = btrfs_probe,
	.prepare = merged_prepare,
	.clone = btrfs_clone,
};
