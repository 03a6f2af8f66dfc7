#include "lib/ctr/layers.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"
#include "lib/os/enter.h"
#include "lib/store/snapshots.h"
#include "lib/store/volumes.h"

#define PROBE_NAME "snapshotter"

void ctr_layers_clear(struct ctr_layers *l)
{
	free(l->map);
	*l = (struct ctr_layers)CTR_LAYERS_INIT;
}

int ctr_driver(const struct snap_driver **out, struct ctr_env *env, const struct idmap *map,
	       const char *forced, struct err *e)
{
	const struct snap_env snap = {
		.base = store_dir_path(env->store, STORE_DIR_SNAPSHOTS),
		.map = map,
		.fuse_overlayfs = env->fuse_program,
		.notices = &env->notices,
	};
	struct err ignored = ERR_INIT;
	AUTO_FD int cache = fs_mkdirs(AT_FDCWD, env->cache_dir, 0700, &ignored);

	return snap_choose(out, &snap, cache, PROBE_NAME, forced, e);
}

/* All layers that the driver wants, or -ENOENT. */
static int find_all(struct ctr_layers *l, struct ctr_env *env, const struct image_docs *docs,
		    struct err *e)
{
	const struct image_env image = {
		.store = env->store, .driver = l->driver, .map = l->idmap,
	};

	return layers_find(l->ids, &l->count, docs, &image, NULL, e);
}

/* coracle-image applies the blobs again under this map. */
static int unpack(struct ctr_env *env, const struct ctr_bundle *b,
		  const struct image_docs *docs, const struct ctr_layers *l, struct err *e)
{
	char id[DIGEST_TEXT_MAX], uid[16], gid[16], policy[4];
	char *argv[] = {
		(char *)env->image_program, (char *)"--data-dir", (char *)env->data_dir,
		(char *)"-n", (char *)env->ns, (char *)"__unpack", id, policy, uid, gid,
		(char *)l->driver->name, NULL,
	};
	const struct proc_fd err = { STDERR_FILENO, STDERR_FILENO };
	const struct proc_spec spec = {
		.path = env->image_program, .argv = argv, .fds = &err, .fd_count = 1,
	};
	int r;

	digest_print(&docs->manifest_digest, id);
	snprintf(policy, sizeof(policy), "%d", (int)b->config.userns);
	snprintf(uid, sizeof(uid), "%u", b->config.keep_uid);
	snprintf(gid, sizeof(gid), "%u", b->config.keep_gid);
	r = proc_run(&spec, NULL, NULL, e);
	return r < 0 ? err_ctx(e, r, "unpack the image") : 0;
}

int ctr_layers_find(struct ctr_layers *out, struct ctr_env *env, const struct ctr_bundle *b,
		    const struct image_docs *docs, struct err *e)
{
	AUTO(buf) struct buf key = BUF_INIT(KIB(64));
	int r = ctr_driver(&out->driver, env, &b->ids.map, b->config.snapshotter, e);

	if (r < 0)
		return r;
	idmap_key(&b->ids.map, &key);
	out->map = buf_steal(&key);
	out->idmap = &b->ids.map;
	r = find_all(out, env, docs, e);
	if (r != -ENOENT)
		return r;
	err_clear(e);
	r = unpack(env, b, docs, out, e);
	return r < 0 ? r : find_all(out, env, docs, e);
}

/* --- what lies on top --- */

static int add_snapshot(int64_t *id, const struct ctr_top *t, struct err *e)
{
	const struct ctr_layers *l = t->layers;
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int r = store_begin(&tx, t->env->store, STORE_FAST, e);

	if (r == 0)
		r = snapshot_create(id, NULL, t->env->store, t->kind, l->driver->name, l->map,
				    l->ids, l->count, e);
	if (r == 0 && t->lease.store)
		r = lease_pin_snapshot(&t->lease, *id, e);
	return r < 0 ? r : store_commit(&tx, e);
}

static int prepare(const struct ctr_top *t, int64_t snapshot, struct err *e)
{
	const struct ctr_layers *l = t->layers;
	const char *snapshots = store_dir_path(t->env->store, STORE_DIR_SNAPSHOTS);
	AUTO_FREE char *base = mem_printf("%s/%s", snapshots, l->driver->name);
	AUTO(strv) struct strv lowers = STRV_INIT;
	struct err direct = ERR_INIT;
	AUTO_FD int base_fd = -1;
	char id[24];

	layers_names(&lowers, l->ids, l->count);
	snprintf(id, sizeof(id), "%lld", (long long)snapshot);
	base_fd = fs_open_dir(AT_FDCWD, base, e);
	if (base_fd < 0)
		return base_fd;
	/* The usual root is ours and needs no user namespace. */
	if (l->driver->form != SNAP_MERGED &&
	    l->driver->prepare(l->driver, base_fd, id, &lowers, &direct) == 0)
		return 0;
	return snap_prepare(l->driver, snapshots, id, &lowers, l->idmap, e);
}

int ctr_top_begin(struct ctr_top *out, struct ctr_env *env, const struct ctr_layers *l,
		  enum snapshot_kind kind, struct err *e)
{
	int r;

	*out = (struct ctr_top){ .env = env, .layers = l, .kind = kind };
	if (!l->driver || l->driver->form != SNAP_MERGED)
		return 0;
	r = lease_begin(&out->lease, env->store, "create", e);
	if (r == 0)
		r = add_snapshot(&out->id, out, e);
	return r < 0 ? r : prepare(out, out->id, e);
}

int ctr_top_take(int64_t *snapshot, const struct ctr_top *t, struct err *e)
{
	int r;

	*snapshot = t->id;
	if (t->id || !t->layers->driver)
		return 0;
	r = add_snapshot(snapshot, t, e);
	return r < 0 ? r : prepare(t, *snapshot, e);
}

void ctr_top_keep(struct ctr_top *t)
{
	t->id = 0;
}

void ctr_top_auto(struct ctr_top *t)
{
	struct err ignored = ERR_INIT;

	if (t->id)
		(void)!snapshot_remove(t->env->store, t->id, &ignored);
	lease_auto(&t->lease);
}

/* --- what volumes begin with --- */

struct fill {
	struct rootfs root;		/* of the image alone */
	struct rootfs_opts look;
	const char *target;
	int to_fd;
};

void ctr_layers_root(struct rootfs *out, struct ctr_env *env, const struct ctr_layers *l)
{
	AUTO(strv) struct strv below = STRV_INIT;
	char top[24];

	snprintf(top, sizeof(top), "%lld", (long long)l->ids[l->count - 1]);
	layers_names(&below, l->ids, l->count - 1);
	snap_describe(out, l->driver, store_dir_path(env->store, STORE_DIR_SNAPSHOTS), top, &below);
}

/* In the child. */
static int fill_child(void *arg, struct err *e)
{
	const struct fill *f = arg;
	AUTO_FD int root = rootfs_mount(&f->root, &f->look, e);
	AUTO_FD int from = -1;
	int r;

	if (root < 0)
		return err_ctx(e, root, "look into the image");
	from = fs_open_inroot(root, f->target, O_RDONLY | O_DIRECTORY, 0, e);
	r = from < 0 ? from : snap_copy_tree(f->to_fd, from, e);
	if (from == -ENOENT || from == -ENOTDIR) {
		err_clear(e);
		r = 0;
	}
	rootfs_unmount(&f->root, &f->look);
	return r;
}

int ctr_layers_fill(struct ctr_env *env, const struct ctr_bundle *b, const struct ctr_layers *l,
		    const char *target, const char *draft, struct err *e)
{
	const struct enter_opts o = { .map = &b->ids.map, .mount_ns = true };
	AUTO_FREE char *to = volume_path(env->store, env->ns, draft);
	AUTO_FREE char *scratch = mem_printf("%s/%s/%s/" VOLUME_SCRATCH,
					     store_dir_path(env->store, STORE_DIR_VOLUMES), env->ns,
					     draft);
	AUTO_FD int fd = fs_open_dir(AT_FDCWD, to, e);
	struct fill f = {
		.root = ROOTFS_INIT,
		.look = {
			.target = scratch, .fuse_overlayfs = env->fuse_program, .read_only = true,
		},
		.target = target,
		.to_fd = fd,
	};
	int r;

	if (fd < 0)
		return fd;
	if (l->driver)
		ctr_layers_root(&f.root, env, l);
	else
		f.root.upper = mem_str(b->config.rootfs);
	r = enter_run(&o, fill_child, &f, e);
	rootfs_clear(&f.root);
	return r;
}

int ctr_measure(struct ctr_size *out, struct ctr_env *env, const struct container *row,
		const struct ctr_config *config, struct err *e)
{
	AUTO(snapshot) struct snapshot snap = SNAPSHOT_INIT;
	struct snap_usage usage;
	AUTO_FD int dir = -1;
	struct ids ids;
	int r;

	*out = (struct ctr_size){ .own = 0 };
	if (!row->snapshot)
		return 0;
	r = snapshot_get(&snap, env->store, row->snapshot, e);
	if (r == 0)
		r = ctr_ids(env, config, &ids, e);
	if (r < 0)
		return r;
	dir = snapshot_open(env->store, snap.driver, snap.id, e);
	r = dir < 0 ? dir : snap_usage(&usage, dir, "fs", &ids.map, e);
	if (r == 0)
		r = snapshot_set_usage(env->store, snap.id, usage.bytes, usage.inodes, e);
	if (r < 0)
		return r;
	out->own = usage.bytes;
	out->all = usage.bytes;
	for (size_t i = 0; i < snap.parent_count; i++) {
		AUTO(snapshot) struct snapshot layer = SNAPSHOT_INIT;

		r = snapshot_get(&layer, env->store, snap.parents[i], e);
		if (r < 0)
			return r;
		out->all += layer.size;
	}
	return 0;
}
