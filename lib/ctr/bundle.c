#include "lib/ctr/bundle.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/user.h"
#include "lib/store/snapshots.h"
#include "lib/store/store.h"
#include "lib/store/volumes.h"

void ctr_bundle_init(struct ctr_bundle *b)
{
	*b = (struct ctr_bundle){ .rootfs = ROOTFS_INIT };
	ctr_config_init(&b->config);
	spec_init(&b->spec);
}

void ctr_bundle_clear(struct ctr_bundle *b)
{
	free(b->id);
	free(b->name);
	ctr_config_clear(&b->config);
	spec_clear(&b->spec);
	rootfs_clear(&b->rootfs);
	ctr_bundle_init(b);
}

void ctr_bundle_state(struct oci_state *out, struct ctr_env *env,
		      const struct ctr_bundle *b)
{
	const char *data = store_dir_path(env->store, STORE_DIR_CONTAINERS);

	out->id = mem_str(b->id);
	out->bundle = mem_printf("%s/%s/%s", data, env->ns, b->id);
	strv_join(&out->annotations, &b->spec.annotations);
}

int ctr_rootfs(struct rootfs *out, struct ctr_env *env, int64_t snapshot, struct err *e)
{
	AUTO(snapshot) struct snapshot snap = SNAPSHOT_INIT;
	AUTO(strv) struct strv lowers = STRV_INIT;
	const struct snap_driver *driver;
	char id[24];
	int r = snapshot_get(&snap, env->store, snapshot, e);

	if (r < 0)
		return r;
	driver = snap_find(snap.driver);
	if (!driver)
		return err_set(e, ENOTSUP, "snapshotter '%s' is not known", snap.driver);
	for (size_t i = snap.parent_count; i-- > 0;)
		strv_addf(&lowers, "%lld", (long long)snap.parents[i]);
	snprintf(id, sizeof(id), "%lld", (long long)snapshot);
	rootfs_clear(out);
	snap_describe(out, driver, store_dir_path(env->store, STORE_DIR_SNAPSHOTS), id, &lowers);
	return 0;
}

/* The store may have been moved since its container was made. */
static void find_volumes(struct ctr_bundle *b, const struct ctr_env *env, const char *ns)
{
	for (size_t i = 0; i < b->config.mount_count; i++) {
		const struct mount_opt *m = &b->config.mounts[i];
		size_t j = m->kind == MOUNT_VOLUME ? b->spec.mount_count : 0;

		/* A user's come after ours. */
		while (j > 0 && !str_eq(b->spec.mounts[j - 1].destination, m->target))
			j--;
		if (j == 0)
			continue;
		free(b->spec.mounts[j - 1].source);
		b->spec.mounts[j - 1].source = volume_path(env->store, ns, m->source);
	}
}

int ctr_bundle_load(struct ctr_bundle *out, struct ctr_env *env,
		    const struct container *row, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC);
	AUTO_FD int dir = -1;
	int r;

	ctr_bundle_init(out);
	out->id = mem_str(row->id);
	out->name = mem_str(row->name);
	r = ctr_config_parse(&out->config, row->config, strlen(row->config), e);
	if (r == 0)
		r = ctr_ids(env, &out->config, &out->ids, e);
	if (r == 0 && row->snapshot)
		r = ctr_rootfs(&out->rootfs, env, row->snapshot, e);
	if (r == 0 && out->config.rootfs)
		out->rootfs.upper = mem_str(out->config.rootfs);
	if (r == 0) {
		dir = container_open_dir(env->store, row->ns, row->id, e);
		r = dir < 0 ? dir : fs_read(dir, "config.json", &text, e);
	}
	if (r == 0)
		r = spec_parse(&out->spec, text.data, text.len, e);
	if (r == 0)
		find_volumes(out, env, row->ns);
	if (r < 0)
		ctr_bundle_clear(out);
	return r;
}

/* One layer's directory, as an absolute path. */
static char *layer_path(const struct rootfs *r, const char *name)
{
	if (name[0] == '/' || !r->base)
		return mem_str(name);
	return mem_printf("%s/%s", r->base, name);
}

int ctr_rootfs_read(const struct rootfs *rootfs, const char *path, struct buf *out,
		    struct err *e)
{
	for (size_t i = 0; i <= rootfs->lowers.len; i++) {
		const char *name = i ? rootfs->lowers.v[i - 1] : rootfs->upper;
		AUTO_FREE char *layer = NULL;
		struct err missing = ERR_INIT;
		AUTO_FD int fd = -1;
		int r;

		if (!name)
			continue;
		layer = layer_path(rootfs, name);
		fd = open(layer, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return err_sys(e, "open layer '%s'", layer);
		buf_reset(out);
		r = fs_read_inroot(fd, path, out, &missing);
		if (r != -ENOENT && r != -ENOTDIR)
			return r < 0 ? err_move(e, &missing) : 0;
	}
	return err_set(e, ENOENT, "'%s' is not in the image", path);
}

/* passwd or group; a missing one is empty, and so is what is not a file. */
static int read_names(const struct rootfs *r, const char *path, struct buf *out, struct err *e)
{
	int ret = ctr_rootfs_read(r, path, out, e);

	if (ret == -ENOENT || ret == -EINVAL || ret == -EACCES || ret == -ELOOP) {
		err_clear(e);
		buf_reset(out);
		return 0;
	}
	return ret;
}

int ctr_user(struct user *out, const struct rootfs *rootfs, const char *spec,
	     const struct strv *more_groups, struct err *e)
{
	AUTO(buf) struct buf passwd = BUF_INIT(MAX_ROOT_FILE);
	AUTO(buf) struct buf group = BUF_INIT(MAX_ROOT_FILE);
	int r = read_names(rootfs, "/etc/passwd", &passwd, e);

	if (r == 0)
		r = read_names(rootfs, "/etc/group", &group, e);
	if (r == 0)
		r = user_resolve(out, spec, passwd.data, passwd.len, group.data, group.len, e);
	for (size_t i = 0; r == 0 && more_groups && i < more_groups->len; i++)
		r = user_add_group(out, more_groups->v[i], group.data, group.len, e);
	return r;
}
