#include "lib/ctr/snaps.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ctr/create.h"
#include "lib/ctr/layers.h"
#include "lib/store/snapnames.h"

int ctr_snap_driver(const struct snap_driver **out, struct ctr_env *env, const char *driver,
		    struct err *e)
{
	struct ids ids;
	int r = ctr_ids(env, NULL, &ids, e);

	if (str_eq(driver, "overlayfs"))
		driver = snap_overlay.name;
	return r < 0 ? r : ctr_driver(out, env, &ids.map, driver, e);
}

/* --- lists --- */

void ctr_snaps_auto(struct ctr_snaps *l)
{
	for (size_t i = 0; i < l->len; i++) {
		snapshot_clear(&l->v[i].snap);
		free(l->v[i].key);
		free(l->v[i].parent);
	}
	free(l->v);
	*l = (struct ctr_snaps)CTR_SNAPS_INIT;
}

/* 1, or 0: that of another namespace. */
static int name_it(struct ctr_snap *s, const struct snapnames *names,
		   const struct containers *containers)
{
	char digest[DIGEST_TEXT_MAX];

	for (size_t i = 0; i < names->len; i++)
		if (names->v[i].id == s->snap.id) {
			s->is_named = true;
			s->key = mem_str(names->v[i].key);
			return 1;
		}
	for (size_t i = 0; i < containers->len; i++)
		if (containers->v[i].snapshot == s->snap.id) {
			s->is_container = true;
			s->key = mem_str(containers->v[i].id);
			return 1;
		}
	if (s->snap.kind != SNAPSHOT_LAYER || s->snap.diff_id.alg == DIGEST_NONE)
		return 0;
	digest_print(&s->snap.diff_id, digest);
	s->key = mem_str(digest);
	return 1;
}

static void name_parents(struct ctr_snaps *l)
{
	for (size_t i = 0; i < l->len; i++) {
		const struct snapshot *s = &l->v[i].snap;
		int64_t top = s->parent_count ? s->parents[s->parent_count - 1] : 0;

		for (size_t j = 0; j < l->len && top && !l->v[i].parent; j++)
			if (l->v[j].snap.id == top)
				l->v[i].parent = mem_str(l->v[j].key);
		if (!l->v[i].parent)
			l->v[i].parent = mem_str("");
	}
}

int ctr_snaps_list(struct ctr_snaps *out, struct ctr_env *env, const char *driver, struct err *e)
{
	AUTO(ctr_snaps) struct ctr_snaps l = CTR_SNAPS_INIT;
	AUTO(snapshots) struct snapshots all = SNAPSHOTS_INIT;
	AUTO(snapnames) struct snapnames names = SNAPNAMES_INIT;
	AUTO(containers) struct containers containers = CONTAINERS_INIT;
	int r = snapshot_list(&all, env->store, driver, e);

	if (r == 0)
		r = snapname_list(&names, env->store, env->ns, driver, e);
	if (r == 0)
		r = container_list(&containers, env->store, env->ns, e);
	for (size_t i = 0; r == 0 && i < all.len; i++) {
		struct ctr_snap *s;

		if (!all.v[i].is_ready)
			continue;
		l.v = mem_more(l.v, l.len, sizeof(*l.v));
		s = &l.v[l.len];
		*s = (struct ctr_snap){ .snap = SNAPSHOT_INIT };
		r = snapshot_get(&s->snap, env->store, all.v[i].id, e);
		if (r == -ENOENT) {
			err_clear(e);
			r = 0;
		} else if (r == 0) {
			l.len += (size_t)name_it(s, &names, &containers);
		}
	}
	if (r < 0)
		return r;
	name_parents(&l);
	*out = l;
	l = (struct ctr_snaps)CTR_SNAPS_INIT;
	return 0;
}

const struct ctr_snap *ctr_snaps_find(const struct ctr_snaps *l, const char *key, struct err *e)
{
	for (size_t i = 0; i < l->len; i++)
		if (str_eq(l->v[i].key, key))
			return &l->v[i];
	(void)err_set(e, ENOENT, "no snapshot '%s'", key);
	return NULL;
}

/* --- new ones --- */

static int add_layer(struct ctr_layers *l, int64_t id, struct err *e)
{
	if (l->count == MAX_LAYERS)
		return err_set(e, E2BIG, "more than %d layers", MAX_LAYERS);
	l->ids[l->count++] = id;
	return 0;
}

/* A layer, and what it lies on; a merged one holds that already. */
static int take_layer(struct ctr_layers *l, struct ctr_env *env, const char *text, int64_t id,
		      struct err *e)
{
	AUTO(snapshot) struct snapshot s = SNAPSHOT_INIT;
	int r = snapshot_get(&s, env->store, id, e);

	if (r < 0)
		return r;
	if (s.kind != SNAPSHOT_LAYER)
		return err_set(e, EINVAL, "snapshot '%s' is not committed", text);
	for (size_t i = 0; i < s.parent_count && l->driver->form != SNAP_MERGED && r == 0; i++)
		r = add_layer(l, s.parents[i], e);
	return r < 0 ? r : add_layer(l, id, e);
}

int ctr_snap_image(struct ctr_layers *l, struct ctr_env *env, const char *text,
		   const struct ids *ids, struct err *e)
{
	AUTO(image) struct image image = IMAGE_INIT;
	AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
	AUTO(ctr_bundle) struct ctr_bundle b;
	int r = ctr_find_image(&image, env, text, e);

	ctr_bundle_init(&b);
	b.ids = *ids;
	b.config.snapshotter = mem_str(l->driver->name);
	if (r == 0)
		r = ctr_image_docs(&docs, env, &image, e);
	if (r == 0) {
		ctr_layers_clear(l);
		r = ctr_layers_find(l, env, &b, &docs, e);
		l->idmap = &ids->map;
	}
	return r;
}

static int find_parent(struct ctr_layers *l, struct ctr_env *env, const char *text,
		       const struct ids *ids, struct err *e)
{
	struct err missing = ERR_INIT;
	struct digest d;
	int64_t id = 0;
	int r = snapname_find(&id, env->store, env->ns, l->driver->name, text, &missing);

	if (r == -ENOENT && digest_parse(&d, text, strlen(text), &(struct err)ERR_INIT) == 0) {
		err_clear(&missing);
		r = snapshot_find_layer(&id, env->store, l->driver->name, &d, l->map, NULL,
					&missing);
	}
	if (r == 0)
		return take_layer(l, env, text, id, e);
	if (r != -ENOENT)
		return err_move(e, &missing);
	err_clear(&missing);
	r = ctr_snap_image(l, env, text, ids, &missing);
	if (r == -ENOENT)
		return err_set(e, ENOENT, "'%s' is neither a snapshot nor an image", text);
	return r < 0 ? err_move(e, &missing) : 0;
}

/* Together, so that there is none without its key. */
static int make(struct ctr_env *env, const struct ctr_layers *l, const char *key,
		enum snapshot_kind kind, struct err *e)
{
	AUTO(ctr_top) struct ctr_top top = CTR_TOP_INIT;
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	char now[CLOCK_TEXT_MAX], object[24];
	int64_t id = 0;
	int r = ctr_top_begin(&top, env, l, kind, e);

	if (r == 0)
		r = store_begin(&tx, env->store, STORE_FAST, e);
	if (r == 0)
		r = ctr_top_take(&id, &top, e);
	if (r == 0)
		r = snapname_put(env->store, env->ns, l->driver->name, key, id, e);
	snprintf(object, sizeof(object), "%lld", (long long)id);
	clock_print(clock_wall_ns(), now);
	if (r == 0)
		r = label_set(env->store, env->ns, LABEL_SNAPSHOT, object, LABEL_GC_ROOT, now, e);
	if (r == 0)
		r = store_commit(&tx, e);
	if (r == 0)
		ctr_top_keep(&top);
	return r;
}

int ctr_snap_prepare(struct ctr_env *env, const struct snap_driver *d, const char *key,
		     const char *parent, enum snapshot_kind kind, struct err *e)
{
	AUTO(ctr_layers) struct ctr_layers l = { .driver = d };
	AUTO(buf) struct buf map = BUF_INIT(KIB(64));
	struct ids ids;
	int r = ctr_ids(env, NULL, &ids, e);

	if (r == 0 && !str_is_name(key))
		r = err_set(e, EINVAL, "'%s' is not a key: letters, digits, '_', '.', '-' are "
			    "allowed", key);
	if (r < 0)
		return r;
	idmap_key(&ids.map, &map);
	l.map = buf_steal(&map);
	l.idmap = &ids.map;
	if (parent && *parent)
		r = find_parent(&l, env, parent, &ids, e);
	return r < 0 ? r : make(env, &l, key, kind, e);
}

/* --- later --- */

int ctr_snap_lock(struct ctr_env *env, const struct ctr_snap *s, struct err *e)
{
	AUTO_FD int fd = snapshot_open(env->store, s->snap.driver, s->snap.id, e);

	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return take_fd(&fd);
	return errno == EWOULDBLOCK ?
		err_set(e, EBUSY, "snapshot '%s' is mounted, and being written to", s->key) :
		err_sys(e, "lock snapshot '%s'", s->key);
}

int ctr_snap_usage(struct snap_usage *out, struct ctr_env *env, const struct ctr_snap *s,
		   struct err *e)
{
	struct ids ids;
	AUTO_FD int dir = -1;
	int r = 0;

	if (s->snap.kind == SNAPSHOT_LAYER) {
		*out = (struct snap_usage){ .bytes = s->snap.size, .inodes = s->snap.inodes };
		return 0;
	}
	r = ctr_ids(env, NULL, &ids, e);
	if (r == 0)
		r = dir = snapshot_open(env->store, s->snap.driver, s->snap.id, e);
	if (r >= 0)
		r = snap_usage(out, dir, "fs", &ids.map, e);
	if (r == 0)
		r = snapshot_set_usage(env->store, s->snap.id, out->bytes, out->inodes, e);
	return r;
}

static int find_named(int64_t *id, struct ctr_env *env, const struct snap_driver *d,
		      const char *key, struct err *e)
{
	AUTO(container) struct container c = CONTAINER_INIT;
	struct err not_one = ERR_INIT;
	int r = snapname_find(id, env->store, env->ns, d->name, key, e);

	if (r == -ENOENT && container_get(&c, env->store, env->ns, key, &not_one) == 0) {
		err_clear(e);
		return err_hint(e, err_set(e, EBUSY, "snapshot '%s' is that of a container", key),
				"snapshot.container");
	}
	return r;
}

int ctr_snap_commit(struct ctr_env *env, const struct snap_driver *d, const char *key,
		    const char *name, struct err *e)
{
	struct ctr_snap s = {
		.snap = { .kind = SNAPSHOT_ACTIVE, .driver = (char *)d->name }, .key = (char *)key,
	};
	struct snapname from = { .driver = (char *)d->name, .key = (char *)key };
	struct snapshot_done done;
	struct snap_usage usage;
	AUTO_FD int lock = -1;
	int r = find_named(&from.id, env, d, key, e);

	if (r == 0 && !str_is_name(name))
		r = err_set(e, EINVAL, "'%s' is not a key", name);
	s.snap.id = from.id;
	if (r == 0)
		r = lock = ctr_snap_lock(env, &s, e);
	if (r >= 0)
		r = ctr_snap_usage(&usage, env, &s, e);
	if (r < 0)
		return r;
	done = (struct snapshot_done){ .id = from.id, .size = usage.bytes, .inodes = usage.inodes };
	return snapname_commit(env->store, env->ns, &from, name, &done, e);
}

int ctr_snap_remove(struct ctr_env *env, const struct snap_driver *d, const char *key,
		    struct err *e)
{
	struct ctr_snap s = { .snap = { .driver = (char *)d->name }, .key = (char *)key };
	AUTO_FD int lock = -1;
	int r = find_named(&s.snap.id, env, d, key, e);

	if (r == 0)
		r = lock = ctr_snap_lock(env, &s, e);
	/* one that lost its directory goes all the same */
	if (r == -ENOENT && s.snap.id) {
		err_clear(e);
		r = 0;
	}
	if (r >= 0)
		r = snapshot_remove(env->store, s.snap.id, e);
	return r < 0 ? err_ctx(e, r, "snapshot '%s'", key) : 0;
}
