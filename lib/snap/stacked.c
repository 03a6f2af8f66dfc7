/* The two drivers that leave the stacking to a mount: they differ in who
 * mounts, and so in the probe. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"
#include "lib/os/fstype.h"
#include "lib/snap/snap.h"
#include "lib/snap/try.h"

/* Not by comparing with who we are: what is there may have been begun by
 * somebody without the right to finish it. */
static int set_owner(int fd, const struct stat *want, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "look at the snapshot");
	if (st.st_uid == want->st_uid && st.st_gid == want->st_gid)
		return 0;
	return fchown(fd, want->st_uid, want->st_gid) < 0 ?
		err_sys(e, "set owner of the snapshot") : 0;
}

/* The upper directory looks like the root of the topmost layer, because it is
 * the root that the container sees; overlay's scratch space belongs to ids of
 * the container as well. */
static int stacked_prepare(const struct snap_driver *d UNUSED, int base_fd, const char *id,
			   const struct strv *lowers, struct err *e)
{
	struct stat st = { .st_mode = 0755, .st_uid = geteuid(), .st_gid = getegid() };
	char path[MAX_PATH];
	AUTO_FD int dir = fs_mkdirs(base_fd, id, 0700, e);
	AUTO_FD int fs = -1, work = -1;
	int r;

	if (dir < 0)
		return dir;
	if (lowers->len) {
		snprintf(path, sizeof(path), "%s/fs", lowers->v[0]);
		if (fstatat(base_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_sys(e, "layer %s", lowers->v[0]);
	}
	work = fs_mkdirs(dir, "work", 0700, e);
	if (work < 0)
		return work;
	fs = fs_mkdirs(dir, "fs", 0700, e);
	if (fs < 0)
		return fs;
	r = set_owner(fs, &st, e);
	if (r == 0)
		r = set_owner(work, &st, e);
	if (r < 0)
		return r;
	if (fchmod(fs, st.st_mode & 07777) < 0)
		return err_sys(e, "set mode of snapshot %s", id);
	return 0;
}

/* --- probes: a tiny overlay in a directory of its own --- */

#define OVERLAY_DIRS "lowerdir=l,upperdir=u,workdir=w"

static int overlay_mount(const struct snap_try *p, struct err *e)
{
	char *argv[] = { (char *)"fuse-overlayfs", (char *)"-o",
			 (char *)OVERLAY_DIRS, (char *)"m", NULL };
	struct proc_spec spec = { .path = p->fuse, .argv = argv };

	if (p->fuse)
		return proc_run(&spec, NULL, NULL, e);
	if (mount("overlay", "m", "overlay", 0, OVERLAY_DIRS ",userxattr") < 0)
		return err_sys(e, "mount overlay");
	return 0;
}

/* (child) What layers need: the mount, a whiteout, a file that is copied up. */
static int do_probe(void *arg, struct err *e)
{
	static const char *const dirs[] = { "l", "u", "w", "m" };
	const struct snap_try *p = arg;
	AUTO_FD int fd = -1;
	int r;

	if (chdir(p->dir) < 0)
		return err_sys(e, "enter the probe's directory");
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdir(dirs[i], 0700) < 0)
			return err_sys(e, "make directory");
	if (!p->fuse && mknod("l/gone", S_IFCHR | 0600, makedev(0, 0)) < 0)
		return err_sys(e, "make a whiteout");
	if (!p->fuse && setxattr("l", "user.overlay.opaque", "y", 1, 0) < 0)
		return err_sys(e, "set a user's attribute");
	r = overlay_mount(p, e);
	if (r < 0)
		return r;
	fd = open("m/new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || fchmod(fd, 0640) < 0 || unlink("m/new") < 0)
		r = err_sys(e, "write to an overlay");
	fd_auto(&fd);
	(void)umount2("m", MNT_DETACH);
	return r;
}

static int stacked_probe(const struct snap_env *env, const char *fuse,
			 struct err *e)
{
	struct snap_try t = { .fuse = fuse };

	if (!env->map)
		return err_set(e, ENOTSUP, "needs a user namespace");
	return snap_try(env, &t, do_probe, e);
}

static int overlay_probe(const struct snap_driver *d UNUSED, const struct snap_env *env,
			 struct err *e)
{
	return stacked_probe(env, NULL, e);
}

static int fuse_probe(const struct snap_driver *d UNUSED, const struct snap_env *env,
		      struct err *e)
{
	if (!env->fuse_overlayfs)
		return err_set(e, ENOTSUP, "the program fuse-overlayfs is not there");
	if (access("/dev/fuse", R_OK | W_OK) < 0)
		return err_set(e, ENOTSUP, "/dev/fuse: %s", str_errno(errno));
	if (!fstype_has_acls(env->base))
		return err_set(e, ENOTSUP, "'%s' has no access lists", env->base);
	if (strchr(env->base, ':'))
		return err_set(e, ENOTSUP, "it takes no ':' in a path, '%s' has one", env->base);
	return stacked_probe(env, env->fuse_overlayfs, e);
}

const struct snap_driver snap_overlay = {
	.name = "overlay",
	.form = SNAP_STACKED,
	.kind = ROOTFS_OVERLAY,
	.probe = overlay_probe,
	.prepare = stacked_prepare,
};

const struct snap_driver snap_fuse = {
	.name = "fuse-overlayfs",
	.form = SNAP_STACKED_FUSE,
	.kind = ROOTFS_FUSE,
	.probe = fuse_probe,
	.prepare = stacked_prepare,
};
