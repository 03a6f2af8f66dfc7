#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/snap/snap.h"

static int native_probe(const struct snap_env *env, struct err *e)
{
	AUTO_FD int fd = fs_open_dir(AT_FDCWD, env->base, e);

	return fd < 0 ? fd : 0;
}

static int native_prepare(int base_fd, const char *id,
			  const struct strv *lowers, struct err *e)
{
	char path[MAX_PATH];
	AUTO_FD int dir = fs_mkdirs(base_fd, id, 0700, e);
	AUTO_FD int to = -1, from = -1;

	if (dir < 0)
		return dir;
	if (lowers->len > 1)
		return err_set(e, EINVAL, "native snapshots have one tree below");
	to = fs_mkdirs(dir, "fs", 0700, e);
	if (to < 0)
		return to;
	if (!lowers->len)
		return fchmod(to, 0755) < 0 ? err_sys(e, "set mode") : 0;
	snprintf(path, sizeof(path), "%s/fs", lowers->v[0]);
	from = fs_open_dir(base_fd, path, e);
	return from < 0 ? from : snap_copy_tree(to, from, e);
}

static void native_describe(struct rootfs *out, const char *base,
			    const char *id, const struct strv *lowers UNUSED)
{
	out->kind = ROOTFS_DIR;
	out->base = mem_printf("%s/native", base);
	out->upper = mem_printf("%s/fs", id);
}

const struct snap_driver snap_native = {
	.name = "native",
	.form = SNAP_MERGED,
	.probe = native_probe,
	.prepare = native_prepare,
	.describe = native_describe,
};
