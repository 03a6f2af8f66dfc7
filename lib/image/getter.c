#include "lib/image/getter.h"

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/image/links.h"
#include "lib/image/worker.h"
#include "lib/os/fstype.h"
#include "lib/registry/client.h"
#include "lib/registry/fetch.h"
#include "lib/store/content.h"
#include "lib/store/snapshots.h"

/* How long to leave what another process is working on alone. */
#define FOLLOW_MS 100

struct round;

struct item {
	struct round *round;
	size_t layer;			/* in the image */
	size_t slot;			/* in the work */
	struct content_ingest in;	/* open: it is ours to download */
	int fd;				/* of a blob that is here */
	uint64_t have;
	bool is_resumed;		/* an earlier download left a part */
	bool is_fetched;
	struct snapshot_staging snap;	/* fd -1: not to be unpacked */
	enum layer_kind kind;		/* of what was unpacked */
	enum layer_state told;
};

struct round {
	const struct get_options *o;
	struct work *work;
	struct item item[MAX_LAYERS];
	size_t items;
	size_t fetching;
	bool is_waiting;		/* somebody else has a part of it */
	struct err err;			/* of a download */
};

static const struct desc *blob_of(const struct get_options *o, size_t layer)
{
	return &o->docs->manifest.layers[layer];
}

static void tell(struct item *it, enum layer_state state, uint64_t done)
{
	const struct get_options *o = it->round->o;
	const struct image_progress *p = o->env->progress;
	const struct desc *blob = blob_of(o, it->layer);

	if (state == it->told && state != LAYER_DOWNLOADING && state != LAYER_UNPACKING)
		return;
	it->told = state;
	if (p && p->layer)
		p->layer(p->arg, &blob->digest, state, done, blob->size);
}

/* --- what a round takes on --- */

static bool is_repeated(const struct get_options *o, size_t layer)
{
	for (size_t i = 0; i < layer; i++)
		if (digest_eq(&blob_of(o, i)->digest, &blob_of(o, layer)->digest))
			return true;
	return false;
}

/* Does an earlier layer of another blob unpack to the same? */
static bool is_same_tar(const struct get_options *o, size_t layer)
{
	const struct digest *diffs = o->docs->config.diff_ids;

	for (size_t i = 0; i < layer; i++)
		if (digest_eq(&diffs[i], &diffs[layer]))
			return true;
	return false;
}

static int take_blob(struct item *it, struct err *e)
{
	const struct get_options *o = it->round->o;
	const struct desc *blob = blob_of(o, it->layer);
	char text[DIGEST_TEXT_MAX];
	int r;

	if (!o->registry) {
		it->fd = content_get(o->env->store, &blob->digest, NULL, e);
		return it->fd < 0 ? it->fd : CONTENT_EXISTS;
	}
	r = content_ingest_begin(&it->in, o->env->store, o->lease, &blob->digest,
				 blob->size, e);
	if (r == CONTENT_WRITE) {
		it->have = it->in.offset;
		it->is_resumed = it->have > 0;
	}
	if (r == CONTENT_EXISTS) {
		it->fd = content_get(o->env->store, &blob->digest, NULL, e);
		r = it->fd < 0 ? it->fd : r;
	}
	digest_print(&blob->digest, text);
	return r < 0 ? err_ctx(e, r, "layer %.19s", text) : r;
}

static int take_snapshot(struct item *it, struct err *e)
{
	const struct get_options *o = it->round->o;
	AUTO(buf) struct buf key = BUF_INIT(KIB(128));
	enum layer_kind kind;
	int64_t id;
	int r;

	if (!o->env->driver || o->env->driver->form == SNAP_MERGED ||
	    is_same_tar(o, it->layer))
		return SNAPSHOT_EXISTS;
	r = layers_find_one(&id, &kind, o->docs, o->env, it->layer, o->lease, e);
	if (r == 0 || e->code)
		return r == 0 ? SNAPSHOT_EXISTS : r;
	layers_map_key(&key, o->docs, o->env, it->layer, LAYER_PLAIN);
	r = buf_ok(&key, "id map", e);
	if (r < 0)
		return r;
	return snapshot_begin_layer(&it->snap, o->env->store, o->lease,
				    o->env->driver->name,
				    &o->docs->config.diff_ids[it->layer],
				    key.data, e);
}

static int take_layer(struct round *rd, size_t layer, struct err *e)
{
	struct item *it = &rd->item[rd->items];
	int content, snapshot;

	*it = (struct item){
		.round = rd, .layer = layer, .fd = -1,
		.in = CONTENT_INGEST_INIT, .snap = SNAPSHOT_STAGING_INIT,
	};
	content = take_blob(it, e);
	if (content < 0)
		return content;
	if (content == CONTENT_FOLLOW) {
		rd->is_waiting = true;
		tell(it, LAYER_WAITING, 0);
		return 0;
	}
	rd->items++;
	snapshot = take_snapshot(it, e);
	if (snapshot < 0)
		return snapshot;
	if (snapshot == SNAPSHOT_FOLLOW)
		rd->is_waiting = true;
	if (content == CONTENT_EXISTS && snapshot != SNAPSHOT_MAKE) {
		if (snapshot == SNAPSHOT_EXISTS)
			tell(it, LAYER_EXISTS, 0);
		fd_auto(&it->fd);
		rd->items--;
	} else {
		tell(it, LAYER_WAITING, 0);
	}
	return 0;
}

static int larger_first(const void *a, const void *b)
{
	const struct item *x = a;
	const struct item *y = b;
	uint64_t p = blob_of(x->round->o, x->layer)->size;
	uint64_t q = blob_of(y->round->o, y->layer)->size;

	return p < q ? 1 : p > q ? -1 : 0;
}

static int check_space(const struct round *rd, struct err *e)
{
	struct store *s = rd->o->env->store;
	struct fstype_room room;
	uint64_t need = 0;
	int dir = store_dir(s, STORE_DIR_CONTENT, e);

	if (dir < 0)
		return dir;
	for (size_t i = 0; i < rd->items; i++)
		if (rd->item[i].in.store)
			need += blob_of(rd->o, rd->item[i].layer)->size - rd->item[i].have;
	fstype_room(&room, dir);
	if (need > room.bytes)
		return err_set(e, ENOSPC, "%s: %ju bytes are needed, %ju are free",
			       store_dir_path(s, STORE_DIR_CONTENT), (uintmax_t)need,
			       (uintmax_t)room.bytes);
	return 0;
}

static int take_all(struct round *rd, struct err *e)
{
	struct work *w = rd->work;
	int r = 0;

	for (size_t i = 0; i < rd->o->docs->manifest.layer_count && r == 0; i++)
		if (!is_repeated(rd->o, i))
			r = take_layer(rd, i, e);
	if (r == 0)
		r = check_space(rd, e);
	if (r < 0)
		return r;
	qsort(rd->item, rd->items, sizeof(rd->item[0]), larger_first);
	for (size_t i = 0; i < rd->items; i++) {
		struct item *it = &rd->item[i];

		it->slot = i;
		w->layer[i] = (struct work_layer){
			.fd = it->in.store ? it->in.fd : it->fd,
			.blob = blob_of(rd->o, it->layer),
			.diff = &rd->o->docs->config.diff_ids[it->layer],
			.is_verified = !it->in.store,
		};
		w->job[i] = (struct work_job){ .dir_fd = it->snap.fd, .first = i, .count = 1 };
		if (!it->in.store)
			it->have = w->layer[i].blob->size;
		work_grow(w, i, it->have);
	}
	w->layers = w->jobs = rd->items;
	return 0;
}

/* --- downloads --- */

static int on_data(void *arg, const void *data, size_t len, struct err *e)
{
	struct item *it = arg;
	int r = content_ingest_write(&it->in, data, len, e);

	if (r < 0)
		return r;
	it->have += len;
	work_grow(it->round->work, it->slot, it->have);
	tell(it, LAYER_DOWNLOADING, it->have);
	return 0;
}

static void on_done(void *arg, int result, struct err *why)
{
	struct item *it = arg;
	struct round *rd = it->round;

	rd->fetching--;
	it->is_fetched = result == 0;
	if (result == 0)
		return;
	work_abandon(rd->work, it->slot);
	if (!rd->err.code)
		(void)err_move(&rd->err, why);
}

static int start_fetches(struct round *rd, struct err *e)
{
	static const struct fetch_sink sink = { .write = on_data, .done = on_done };

	for (size_t i = 0; i < rd->items; i++) {
		struct item *it = &rd->item[i];
		const struct desc *blob = blob_of(rd->o, it->layer);
		int r;

		if (!it->in.store)
			continue;
		if (it->have == blob->size) {
			it->is_fetched = true;
			continue;
		}
		r = registry_fetch_add(rd->o->registry, rd->o->ref, blob, it->have,
				       &sink, it, e);
		if (r < 0)
			return r;
		rd->fetching++;
	}
	return 0;
}

/* Callbacks must not come after their items are gone. */
static void stop_fetches(struct round *rd)
{
	struct err ignored = ERR_INIT;

	if (!rd->fetching)
		return;
	registry_stop(rd->o->registry);
	while (rd->fetching && registry_step(rd->o->registry, NULL, 0, 0, &ignored) >= 0)
		err_clear(&ignored);
}

/* --- the loop --- */

static void tell_all(struct round *rd)
{
	for (size_t i = 0; i < rd->items; i++) {
		struct item *it = &rd->item[i];
		const struct work_shared *s = &rd->work->page->layer[it->slot];

		if (atomic_load(&s->is_done))
			tell(it, LAYER_DONE, it->have);
		else if ((it->is_fetched || !it->in.store) && atomic_load(&s->used))
			tell(it, LAYER_UNPACKING, atomic_load(&s->used));
		else if (it->is_fetched)
			tell(it, LAYER_FETCHED, it->have);
	}
	work_tell(rd->work, rd->o->env->progress);
}

static int step(struct round *rd, struct err *e)
{
	struct pollfd fds[MAX_WORKERS];
	struct work *w = rd->work;
	size_t count = w->children;
	int r;

	for (size_t i = 0; i < count; i++)
		fds[i] = (struct pollfd){ .fd = w->child[i].result_fd, .events = POLLIN };
	if (rd->fetching)
		r = registry_step(rd->o->registry, fds, count, 100, e);
	else
		r = poll(fds, count, 100) < 0 && errno != EINTR ? err_sys(e, "poll") : 0;
	if (r < 0)
		return r;
	if (rd->err.code)
		return err_move(e, &rd->err);
	for (size_t i = count; i--;) {
		r = fds[i].revents ? work_reap(w, i, e) : 0;
		if (r < 0)
			return r;
	}
	tell_all(rd);
	return 0;
}

static unsigned cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 :
		(unsigned)CPU_COUNT(&set);
}

static int transfer(struct round *rd, struct err *e)
{
	const struct image_env *env = rd->o->env;
	struct work *w = rd->work;
	int r;

	w->form = env->driver ? env->driver->form : SNAP_STACKED;
	w->owners = env->record_owners ? UNPACK_OWNERS_RECORD : UNPACK_OWNERS_SET;
	r = work_start(w, env->jobs ? env->jobs : cpus(),
		       env->driver ? env->map : NULL, e);
	if (r == 0)
		r = start_fetches(rd, e);
	while (r == 0 && (rd->fetching || w->children))
		r = step(rd, e);
	if (r < 0)
		stop_fetches(rd);
	return r;
}

/* --- layers that do not stand for themselves (layers.h) --- */

/* The item that unpacks this layer; NULL: none in this round. */
static struct item *unpacker_of(struct round *rd, size_t layer)
{
	const struct digest *diffs = rd->o->docs->config.diff_ids;

	for (size_t i = 0; i < rd->items; i++)
		if (rd->item[i].snap.fd >= 0 &&
		    digest_eq(&diffs[rd->item[i].layer], &diffs[layer]))
			return &rd->item[i];
	return NULL;
}

/* This one cannot be finished now: the next round unpacks it again. */
static int put_off(struct round *rd, struct item *it, struct err *e)
{
	rd->is_waiting = true;
	it->kind = LAYER_PLAIN;
	fd_auto(&it->snap.fd);
	return snapshot_remove(rd->o->env->store, it->snap.id, e);
}

static int put_off_links(struct round *rd, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < rd->items && r == 0; i++)
		if (rd->item[i].snap.fd >= 0 && rd->item[i].kind == LAYER_CHAINED)
			r = put_off(rd, &rd->item[i], e);
	return r;
}

struct linking {
	struct links_layer layer[MAX_LAYERS];
	size_t len;
	enum snap_form form;
	int opened[MAX_LAYERS];		/* ours to close */
	size_t opened_len;
};

static void linking_auto(struct linking *l)
{
	while (l->opened_len)
		fd_auto(&l->opened[--l->opened_len]);
}

static int do_links(void *arg, struct err *e)
{
	const struct linking *l = arg;

	return links_resolve(l->layer, l->len, l->form, e);
}

/* The directory of a layer, wherever it is now.  -ENOENT, without text: somebody
 * else is still unpacking it. */
static int add_layer(struct linking *l, struct round *rd, size_t layer,
		     struct err *e)
{
	const struct get_options *o = rd->o;
	struct item *it = unpacker_of(rd, layer);
	struct links_layer *out = &l->layer[l->len];
	enum layer_kind kind;
	int64_t id;
	int fd, r;

	if (it) {
		out->dir_fd = it->snap.fd;
		out->has_links = it->kind == LAYER_CHAINED && it->layer == layer;
		l->len++;
		return 0;
	}
	r = layers_find_one(&id, &kind, o->docs, o->env, layer, o->lease, e);
	if (r < 0)
		return r;
	fd = snapshot_open(o->env->store, o->env->driver->name, id, e);
	if (fd < 0)
		return fd;
	l->opened[l->opened_len++] = fd;
	out->dir_fd = fd;
	l->len++;
	return 0;
}

static int resolve_links(struct round *rd, struct err *e)
{
	const struct image_env *env = rd->o->env;
	struct enter_opts enter = { .map = env->map };
	AUTO(linking) struct linking l = { .len = 0 };
	size_t top = 0;
	int r = 0;

	for (size_t i = 0; i < rd->items; i++)
		if (rd->item[i].kind == LAYER_CHAINED && rd->item[i].layer >= top)
			top = rd->item[i].layer + 1;
	if (!top)
		return 0;
	l.form = env->driver->form;
	for (size_t i = 0; i < top && r == 0; i++)
		r = add_layer(&l, rd, i, e);
	if (r == -ENOENT && !e->code)
		return put_off_links(rd, e);
	return r < 0 ? r : enter_run(&enter, do_links, &l, e);
}

static int refile(struct round *rd, struct item *it, struct err *e)
{
	AUTO(buf) struct buf key = BUF_INIT(KIB(128));
	struct err why = ERR_INIT;
	int r;

	layers_map_key(&key, rd->o->docs, rd->o->env, it->layer, it->kind);
	r = buf_ok(&key, "id map", e);
	if (r < 0)
		return r;
	r = snapshot_refile(rd->o->env->store, it->snap.id, key.data, &why);
	if (r == -EEXIST)
		return put_off(rd, it, e);
	return r < 0 ? err_move(e, &why) : 0;
}

static int settle_kinds(struct round *rd, struct err *e)
{
	int r;

	for (size_t i = 0; i < rd->items; i++) {
		struct item *it = &rd->item[i];
		const struct work_shared *s = &rd->work->page->layer[it->slot];

		if (it->snap.fd >= 0)
			it->kind = s->links ? LAYER_CHAINED :
				   s->is_bottom ? LAYER_BOTTOM : LAYER_PLAIN;
	}
	r = resolve_links(rd, e);
	for (size_t i = 0; i < rd->items && r == 0; i++)
		if (rd->item[i].snap.fd >= 0 && rd->item[i].kind != LAYER_PLAIN)
			r = refile(rd, &rd->item[i], e);
	return r;
}

/* --- the end of a round --- */

static int publish(struct round *rd, struct err *e)
{
	struct snapshot_done done[MAX_LAYERS];
	size_t count = 0;
	int r = 0;

	for (size_t i = 0; i < rd->items && r == 0; i++) {
		struct item *it = &rd->item[i];
		const struct work_shared *s = &rd->work->page->layer[it->slot];
		const struct desc *blob = blob_of(rd->o, it->layer);

		if (it->snap.fd >= 0)
			done[count++] = (struct snapshot_done){ it->snap.id, s->bytes,
								s->entries };
		if (it->in.store)
			r = content_ingest_commit(&it->in, &blob->digest, blob->size, e);
	}
	if (r == 0 && count)
		r = snapshot_publish(rd->o->env->store, done, count, e);
	return r;
}

static bool is_bad(const struct item *it)
{
	return atomic_load(&it->round->work->page->layer[it->slot].is_bad);
}

/* A power cut may leave a file of the right length without its bytes. */
static bool has_bad_leftover(const struct round *rd)
{
	for (size_t i = 0; i < rd->items; i++)
		if (rd->item[i].is_resumed && is_bad(&rd->item[i]))
			return true;
	return false;
}

static void end_round(struct round *rd)
{
	for (size_t i = 0; i < rd->items; i++) {
		struct item *it = &rd->item[i];

		if (it->in.store && is_bad(it))
			content_ingest_discard(&it->in);
		content_ingest_abort(&it->in, true);
		fd_auto(&it->fd);
		fd_auto(&it->snap.fd);
	}
}

/* The next round begins without what this one has unpacked. */
static int begin_again(struct round *rd, struct err *e)
{
	const struct image_progress *p = rd->o->env->progress;
	int r = 0;

	if (p && p->note)
		p->note(p->arg, "what an earlier download left is damaged; it is fetched again");
	work_clear(rd->work);
	for (size_t i = 0; i < rd->items && r == 0; i++)
		if (rd->item[i].snap.id)
			r = snapshot_remove(rd->o->env->store, rd->item[i].snap.id, e);
	return r < 0 ? r : 1;
}

/* 1: there is more to do. */
static int one_round(const struct get_options *o, struct err *e)
{
	AUTO_FREE struct round *rd = mem_new(struct round);
	AUTO(work) struct work *w = mem_new(struct work);
	bool is_waiting, is_over;
	int r = work_init(w, e);

	if (r < 0)
		return r;
	rd->o = o;
	rd->work = w;
	r = take_all(rd, e);
	if (r == 0)
		r = transfer(rd, e);
	if (r == 0)
		r = settle_kinds(rd, e);
	if (r == 0)
		r = publish(rd, e);
	is_waiting = rd->is_waiting;
	is_over = r != -EBADMSG || !has_bad_leftover(rd);
	end_round(rd);
	if (!is_over) {
		err_clear(e);
		return begin_again(rd, e);
	}
	if (r < 0 || !is_waiting)
		return r;
	/* Others may be waiting for what is ours. */
	r = content_barrier(o->env->store, e);
	return r < 0 ? r : 1;
}

/* --- merged drivers: a tree of all layers --- */

/* A snapshot for the topmost layer alone, or, of drivers that chain them, for
 * each one down to what is there already. */
struct merging {
	const struct get_options *o;
	struct snapshot_staging snap[MAX_LAYERS];	/* from first on */
	size_t first;
	int base_fd;			/* the layer below first; -1: none */
	struct work *work;
};

static void merging_auto(struct merging *m)
{
	size_t n = m->o->docs->manifest.layer_count;

	for (size_t i = m->first; i < n; i++)
		fd_auto(&m->snap[i].fd);
	for (size_t i = 0; m->work && i < n; i++)
		if (m->work->layer[i].blob)
			fd_auto(&m->work->layer[i].fd);
	fd_auto(&m->base_fd);
	work_auto(&m->work);
}

/* As snapshot_begin_layer(). */
static int begin_layer(struct snapshot_staging *out, const struct get_options *o, size_t layer,
		       struct err *e)
{
	AUTO(buf) struct buf key = BUF_INIT(KIB(128));
	int r;

	layers_map_key(&key, o->docs, o->env, layer, LAYER_PLAIN);
	r = buf_ok(&key, "id map", e);
	if (r < 0)
		return r;
	return snapshot_begin_layer(out, o->env->store, o->lease, o->env->driver->name,
				    &o->docs->config.diff_ids[layer], key.data, e);
}

/* Somebody else is at one of them, and may want one of ours. */
static int give_way(struct merging *m, struct err *e)
{
	size_t n = m->o->docs->manifest.layer_count;
	int r = 0;

	for (size_t i = m->first; i < n && r == 0; i++)
		r = snapshot_remove(m->o->env->store, m->snap[i].id, e);
	return r < 0 ? r : 1;
}

/* 1: later. */
static int claim_all(struct merging *m, struct err *e)
{
	const struct image_env *env = m->o->env;
	size_t n = m->o->docs->manifest.layer_count;
	size_t lowest = env->driver->is_chained ? 0 : n - 1;

	for (m->first = n; m->first > lowest; m->first--) {
		struct snapshot_staging st = SNAPSHOT_STAGING_INIT;
		int r = begin_layer(&st, m->o, m->first - 1, e);

		if (r == SNAPSHOT_FOLLOW)
			return give_way(m, e);
		if (r == SNAPSHOT_EXISTS)
			m->base_fd = snapshot_open(env->store, env->driver->name, st.id, e);
		if (r == SNAPSHOT_EXISTS)
			return m->base_fd < 0 ? m->base_fd : 0;
		if (r < 0)
			return r;
		m->snap[m->first - 1] = st;
	}
	return 0;
}

static int open_blob(struct merging *m, size_t layer, struct err *e)
{
	const struct get_options *o = m->o;
	const struct desc *blob = blob_of(o, layer);
	int fd = content_get(o->env->store, &blob->digest, NULL, e);

	if (fd < 0)
		return fd;
	m->work->layer[layer] = (struct work_layer){
		.fd = fd, .blob = blob, .is_verified = true,
		.diff = &o->docs->config.diff_ids[layer],
	};
	work_grow(m->work, layer, blob->size);
	return 0;
}

/* One worker takes the jobs in their order, so what one begins with is done. */
static int merge(struct merging *m, size_t lowest, struct err *e)
{
	const struct get_options *o = m->o;
	size_t n = o->docs->manifest.layer_count;
	struct work *w = m->work;
	int from = m->base_fd, r = 0;

	for (size_t i = lowest; i < n && r == 0; i++)
		r = open_blob(m, i, e);
	for (size_t i = m->first; i < n; i++) {
		size_t from_layer = i == m->first ? lowest : i;

		w->job[w->jobs++] = (struct work_job){
			.dir_fd = m->snap[i].fd, .from_fd = from, .first = from_layer,
			.count = i + 1 - from_layer,
		};
		from = m->snap[i].fd;
	}
	w->form = SNAP_MERGED;
	w->cloner = o->env->driver;
	w->owners = o->env->record_owners ? UNPACK_OWNERS_RECORD : UNPACK_OWNERS_SET;
	if (r == 0)
		r = work_start(w, 1, o->env->map, e);
	return r < 0 ? r : work_wait(w, o->env->progress, e);
}

static int publish_merged(const struct merging *m, size_t lowest, struct err *e)
{
	const struct get_options *o = m->o;
	size_t n = o->docs->manifest.layer_count, count = 0;
	struct snapshot_done done[MAX_LAYERS];

	for (size_t i = m->first; i < n; i++, count++) {
		done[count] = (struct snapshot_done){ .id = m->snap[i].id };
		for (size_t j = i == m->first ? lowest : i; j <= i; j++) {
			done[count].size += m->work->page->layer[j].bytes;
			done[count].inodes += m->work->page->layer[j].entries;
		}
	}
	return snapshot_publish(o->env->store, done, count, e);
}

static int merged_round(const struct get_options *o, struct err *e)
{
	size_t n = o->docs->manifest.layer_count, lowest;
	AUTO(merging) struct merging m = { .o = o, .first = n, .base_fd = -1 };
	int r = claim_all(&m, e);

	if (r || m.first == n)
		return r;
	/* What is below a tree of its own is in that one. */
	lowest = o->env->driver->is_chained ? m.first : 0;
	m.work = mem_new(struct work);
	r = work_init(m.work, e);
	if (r == 0)
		r = merge(&m, lowest, e);
	return r < 0 ? r : publish_merged(&m, lowest, e);
}

static int until_done(int (*round)(const struct get_options *o, struct err *e),
		      const struct get_options *o, struct err *e)
{
	int r;

	while ((r = round(o, e)) == 1)
		(void)poll(NULL, 0, FOLLOW_MS);
	return r;
}

int layers_get(const struct get_options *o, struct err *e)
{
	bool is_merged = o->env->driver && o->env->driver->form == SNAP_MERGED;
	int r = 0;

	if (!is_merged || o->registry)
		r = until_done(one_round, o, e);
	if (r == 0 && is_merged && o->docs->manifest.layer_count) {
		r = content_barrier(o->env->store, e);
		if (r == 0)
			r = until_done(merged_round, o, e);
	}
	return r;
}

int layers_unpack(const struct image_docs *d, const struct image_env *env,
		  struct err *e)
{
	AUTO(lease) struct lease lease = LEASE_INIT;
	struct get_options o = { .docs = d, .env = env, .lease = &lease };
	int r;

	if (!env->driver)
		return err_set(e, ENOTSUP, "layers cannot be unpacked without a user namespace");
	r = lease_begin(&lease, env->store, "unpack", e);
	return r < 0 ? r : layers_get(&o, e);
}
