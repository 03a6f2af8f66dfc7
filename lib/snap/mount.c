#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/os/mount.h"
#include "lib/snap/snap.h"

/* Without a layer below there is nothing for an overlay to stack. */
static bool is_plain(const struct rootfs *r)
{
	return r->kind == ROOTFS_DIR || !r->lowers.len;
}

/* Where no path of a user's leads, once the layers are found: "ID/fs" is
 * mounted over "ID". */
static char *own_place(const struct rootfs *r)
{
	return is_plain(r) ? mem_str(r->upper) : mem_strn(r->upper, strcspn(r->upper, "/"));
}

static int mount_fuse(const char *program, char *options, const char *target, struct err *e)
{
	char *argv[] = {
		(char *)"fuse-overlayfs", (char *)"-o", options, (char *)target, NULL,
	};
	const struct proc_spec spec = { .path = program, .argv = argv };

	return program ? proc_run(&spec, NULL, NULL, e) :
			 err_set(e, ENOENT, "fuse-overlayfs is not installed");
}

/* Relative names keep the options short: a page is all they may be. */
static int mount_layers(const struct rootfs *r, const char *target,
			const struct rootfs_opts *o, struct err *e)
{
	AUTO(buf) struct buf options = BUF_INIT(KIB(16));

	buf_adds(&options, "lowerdir=");
	if (o->read_only)
		buf_addf(&options, "%s:", r->upper);
	for (size_t i = 0; i < r->lowers.len; i++)
		buf_addf(&options, "%s%s", i ? ":" : "", r->lowers.v[i]);
	if (!o->read_only)
		buf_addf(&options, ",upperdir=%s,workdir=%s", r->upper, r->work);
	if (r->kind == ROOTFS_FUSE)
		return mount_fuse(o->fuse_overlayfs, options.data, target, e);
	buf_adds(&options, ",userxattr");
	if (mount("overlay", target, "overlay", 0, options.data) < 0)
		return err_sys(e, "mount the layers on '%s'", target);
	return 0;
}

/* In the directory that names are relative to. */
static int mount_here(const struct rootfs *r, const char *target, const struct rootfs_opts *o,
		      struct err *e)
{
	const struct mount_change ro = { .set = MOUNT_ATTR_RDONLY };
	AUTO_FD int root = -1;
	int ret = 0;

	if (!is_plain(r))
		ret = mount_layers(r, target, o, e);
	else if (mount(r->upper, target, NULL, MS_BIND | MS_REC, NULL) < 0)
		ret = err_sys(e, "mount '%s' on '%s'", r->upper, target);
	if (ret < 0)
		return ret;
	root = open(target, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, "open the root");
	ret = o->read_only ? mount_change(NULL, root, &ro, false) : 0;
	return ret < 0 ? err_ret(e, ret, "mount the root read-only") : take_fd(&root);
}

int rootfs_mount(const struct rootfs *r, const struct rootfs_opts *o, struct err *e)
{
	AUTO_FREE char *target = o->target ? mem_str(o->target) : own_place(r);
	AUTO_FD int back = fs_open_dir(AT_FDCWD, ".", e);
	AUTO_FD int root = -1;

	if (back < 0)
		return back;
	if (r->base && chdir(r->base) < 0)
		return err_sys(e, "enter '%s'", r->base);
	root = mount_here(r, target, o, e);
	if (root >= 0 && fchdir(back) < 0)
		return err_sys(e, "go back to the working directory");
	return take_fd(&root);
}

void rootfs_unmount(const struct rootfs *r, const struct rootfs_opts *o)
{
	AUTO_FREE char *place = NULL, *target = NULL;

	if (r->kind != ROOTFS_FUSE || is_plain(r))
		return;
	place = own_place(r);
	target = o->target ? mem_str(o->target) : mem_printf("%s/%s", r->base, place);
	(void)umount2(target, MNT_DETACH);
}
