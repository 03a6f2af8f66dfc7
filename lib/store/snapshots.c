#include "lib/store/snapshots.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/failpoint.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/rows.h"
#include "lib/store/snapshot.h"

void snapshot_clear(struct snapshot *s)
{
	free(s->driver);
	free(s->map);
	free(s->parents);
	*s = (struct snapshot)SNAPSHOT_INIT;
}

void snapshots_clear(struct snapshots *l)
{
	for (size_t i = 0; i < l->len; i++)
		snapshot_clear(&l->v[i]);
	free(l->v);
	*l = (struct snapshots)SNAPSHOTS_INIT;
}

void snapshot_path(char out[static SNAPSHOT_PATH_MAX], const char *driver,
		   int64_t id, bool staging)
{
	snprintf(out, SNAPSHOT_PATH_MAX, "%s/%lld%s", driver, (long long)id,
		 staging ? ".staging" : "");
}

static int from_row(struct snapshot *out, sqlite3_stmt *st, struct err *e)
{
	struct digest diff_id;
	int r = db_digest(&diff_id, st, 5, e);

	if (r < 0)
		return r;
	*out = (struct snapshot){
		.id = db_int(st, 0),
		.kind = (enum snapshot_kind)db_int(st, 1),
		.is_ready = db_int(st, 2),
		.driver = db_text(st, 3),
		.map = db_text(st, 4),
		.diff_id = diff_id,
		.size = db_u64(st, 6),
		.inodes = db_u64(st, 7),
		.created_ns = db_u64(st, 8),
	};
	return 0;
}

static int no_snapshot(int64_t id, struct err *e)
{
	return err_set(e, ENOENT, "no snapshot %lld", (long long)id);
}

static int row_get(struct snapshot *out, struct store *s, int64_t id, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, SQL_SNAPSHOT_GET, ARGS(I(id)), e);

	if (r == 0)
		r = db_next(s, st, e);
	if (r == 0)
		return no_snapshot(id, e);
	return r < 0 ? r : from_row(out, st, e);
}

int snapshot_get(struct snapshot *out, struct store *s, int64_t id, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	AUTO(snapshot) struct snapshot snap = SNAPSHOT_INIT;
	int r = row_get(&snap, s, id, e);

	if (r == 0)
		r = db_query(&st, s, SQL_SNAPSHOT_PARENTS, ARGS(I(id)), e);
	while (r >= 0 && (r = db_next(s, st, e)) > 0) {
		snap.parents = mem_more(snap.parents, snap.parent_count,
					sizeof(*snap.parents));
		snap.parents[snap.parent_count++] = db_int(st, 0);
	}
	if (r < 0)
		return r;
	*out = snap;
	snap = (struct snapshot)SNAPSHOT_INIT;
	return 0;
}

int snapshot_list(struct snapshots *out, struct store *s, const char *driver,
		  struct err *e)
{
	AUTO(snapshots) struct snapshots l = SNAPSHOTS_INIT;
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, SQL_SNAPSHOT_LIST, ARGS(T(driver)), e);

	while (r >= 0 && (r = db_next(s, st, e)) > 0) {
		l.v = mem_more(l.v, l.len, sizeof(*l.v));
		r = from_row(&l.v[l.len], st, e);
		l.len += r == 0;
	}
	if (r < 0)
		return r;
	*out = l;
	l = (struct snapshots)SNAPSHOTS_INIT;
	return 0;
}

/* 1 and the row of the layer, ready or not; or 0. */
static int find(int64_t *id, bool *ready, int64_t *lease, struct store *s,
		const char *driver, const struct digest *diff_id, const char *map,
		struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, SQL_SNAPSHOT_LAYER, ARGS(T(driver), D(diff_id), T(map)), e);

	if (r == 0)
		r = db_next(s, st, e);
	if (r > 0) {
		*id = db_int(st, 0);
		*ready = db_int(st, 1);
		*lease = db_int(st, 2);
	}
	return r;
}

int snapshot_find_layer(int64_t *id, struct store *s, const char *driver,
			const struct digest *diff_id, const char *map,
			const struct lease *l, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int64_t at = 0, lease = 0;
	bool ready = false;
	int r = l ? store_begin(&tx, s, STORE_FAST, e) : 0;

	if (r == 0)
		r = find(&at, &ready, &lease, s, driver, diff_id, map, e);
	if (r == 0 || (r > 0 && !ready))
		return err_set(e, ENOENT, "no such layer");
	if (r > 0 && l)
		r = lease_pin_snapshot(l, at, e);
	if (r >= 0 && l)
		r = store_commit(&tx, e);
	if (r < 0)
		return r;
	*id = at;
	return 0;
}

static int open_driver_dir(struct store *s, const char *driver, struct err *e)
{
	int dir = store_dir(s, STORE_DIR_SNAPSHOTS, e);

	if (dir < 0)
		return dir;
	if (!str_is_name(driver))
		return err_set(e, EINVAL, "bad snapshotter name '%s'", driver);
	if (mkdirat(dir, driver, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make directory '%s'", driver);
	return dir;
}

static int claim(struct snapshot_staging *out, struct store *s,
		 const struct lease *l, const char *driver,
		 const struct digest *diff_id, const char *map, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int answer = SNAPSHOT_MAKE;
	int64_t lease = 0;
	bool ready = false;
	int r = store_begin(&tx, s, STORE_FAST, e);

	if (r == 0)
		r = find(&out->id, &ready, &lease, s, driver, diff_id, map, e);
	if (r > 0 && ready) {
		answer = SNAPSHOT_EXISTS;
		r = lease_pin_snapshot(l, out->id, e);
	} else if (r > 0) {
		r = lease_is_void(s, lease, &out->owner, e);
		if (r == 0)
			return SNAPSHOT_FOLLOW;
		/* Its directory goes with the lease, or GC finds it. */
		if (r > 0)
			r = db_run(s, SQL_SNAPSHOT_DELETE, ARGS(I(out->id)), e);
	}
	if (r >= 0 && answer == SNAPSHOT_MAKE)
		r = db_one(&out->id, s, SQL_SNAPSHOT_ADD,
			   ARGS(I(SNAPSHOT_LAYER), T(driver), T(map), D(diff_id), I(0),
				I(l->id), I(clock_wall_ns())), e);
	if (r >= 0 && answer == SNAPSHOT_MAKE)
		r = lease_pin_snapshot(l, out->id, e);
	if (r >= 0)
		r = store_commit(&tx, e);
	return r < 0 ? r : answer;
}

int snapshot_begin_layer(struct snapshot_staging *out, struct store *s,
			 const struct lease *l, const char *driver,
			 const struct digest *diff_id, const char *map,
			 struct err *e)
{
	struct snapshot_staging st = SNAPSHOT_STAGING_INIT;
	char path[SNAPSHOT_PATH_MAX];
	int dir = open_driver_dir(s, driver, e);
	int r;

	assert(s->depth == 0);
	if (dir < 0)
		return dir;
	r = claim(&st, s, l, driver, diff_id, map, e);
	if (r < 0)
		return r;
	if (r == SNAPSHOT_MAKE) {
		r = failpoint("layer.claimed", e);
		if (r < 0)
			return r;
		snapshot_path(path, driver, st.id, true);
		st.fd = store_fresh_dir(s, dir, path, e);
		if (st.fd < 0)
			return st.fd;
	}
	*out = st;
	return r;
}

int snapshot_refile(struct store *s, int64_t id, const char *map, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	struct snapshot snap = SNAPSHOT_INIT;
	int r = store_begin(&tx, s, STORE_FAST, e);

	if (r == 0)
		r = row_get(&snap, s, id, e);
	snapshot_clear(&snap);
	if (r == -ENOENT) {
		err_clear(e);
		return err_set(e, ESTALE, "layer %lld was rolled back", (long long)id);
	}
	if (r == 0)
		r = db_run(s, SQL_SNAPSHOT_REFILE, ARGS(I(id), T(map)), e);
	if (r == 0)
		return err_set(e, EEXIST, "such a layer exists");
	return r < 0 ? r : store_commit(&tx, e);
}

static int write_row(int dir, const struct snapshot *snap, struct err *e)
{
	char path[SNAPSHOT_PATH_MAX];
	AUTO_FD int fd = -1;

	snapshot_path(path, snap->driver, snap->id, true);
	fd = fs_open_dir(dir, path, e);
	return fd < 0 ? fd : row_write_snapshot(fd, snap, NULL, 0, e);
}

/* Names the directories and makes the names durable. */
static int settle(struct store *s, const struct snapshot *v, size_t count,
		  struct err *e)
{
	int dir = store_dir(s, STORE_DIR_SNAPSHOTS, e);
	int r = dir < 0 ? dir : 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = write_row(dir, &v[i], e);
	if (r == 0)
		r = failpoint("layer.sync", e);
	if (r == 0 && syncfs(dir) < 0)
		r = err_sys(e, "sync the layers");
	for (size_t i = 0; i < count && r == 0; i++) {
		char from[SNAPSHOT_PATH_MAX], to[SNAPSHOT_PATH_MAX];

		snapshot_path(from, v[i].driver, v[i].id, true);
		snapshot_path(to, v[i].driver, v[i].id, false);
		r = failpoint("layer.rename", e);
		if (r == 0 && renameat(dir, from, dir, to) < 0)
			r = err_sys(e, "name layer '%s'", to);
	}
	for (size_t i = 0; i < count && r == 0; i++) {
		AUTO_FD int fd = -1;

		if (i > 0 && str_eq(v[i].driver, v[i - 1].driver))
			continue;
		fd = fs_open_dir(dir, v[i].driver, e);
		r = fd < 0 ? fd : fs_sync_dir(fd, v[i].driver, e);
	}
	return r == 0 ? failpoint("layer.settled", e) : r;
}

static int make_ready(struct store *s, const struct snapshot_done *done,
		      size_t count, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int r = store_begin(&tx, s, STORE_DURABLE, e);

	for (size_t i = 0; i < count && r >= 0; i++) {
		r = db_run(s, SQL_SNAPSHOT_READY,
			   ARGS(I(done[i].id), I(done[i].size), I(done[i].inodes)), e);
		if (r == 0)
			return err_set(e, ESTALE, "layer %lld was rolled back",
				       (long long)done[i].id);
	}
	return r < 0 ? r : store_commit(&tx, e);
}

int snapshot_publish(struct store *s, const struct snapshot_done *done,
		     size_t count, struct err *e)
{
	AUTO(snapshots) struct snapshots l = SNAPSHOTS_INIT;
	int r = 0;

	assert(s->depth == 0);
	l.v = mem_zero(count, sizeof(*l.v));
	for (size_t i = 0; i < count && r == 0; i++) {
		r = row_get(&l.v[i], s, done[i].id, e);
		l.len += r == 0;
		l.v[i].size = done[i].size;
		l.v[i].inodes = done[i].inodes;
	}
	if (r == 0)
		r = settle(s, l.v, l.len, e);
	if (r == 0)
		r = make_ready(s, done, count, e);
	if (r == 0)
		return 0;
	for (size_t i = 0; i < l.len; i++) {
		struct err ignored = ERR_INIT;

		(void)!snapshot_remove(s, l.v[i].id, &ignored);
	}
	return err_ctx(e, r, "make the layers durable");
}

int snapshot_create(int64_t *id, int *fd, struct store *s,
		    enum snapshot_kind kind, const char *driver,
		    const char *map, const int64_t *parents, size_t count,
		    struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	char path[SNAPSHOT_PATH_MAX];
	const struct snapshot row = {
		.kind = kind, .map = (char *)map, .created_ns = clock_wall_ns(),
	};
	AUTO_FD int made = -1;
	int64_t at = 0;
	int dir = open_driver_dir(s, driver, e);
	int r = dir < 0 ? dir : store_begin(&tx, s, STORE_FAST, e);

	if (r == 0)
		r = db_one(&at, s, SQL_SNAPSHOT_ADD,
			   ARGS(I(kind), T(driver), T(map), T(NULL), I(1), I(0),
				I(row.created_ns)), e);
	for (size_t i = 0; i < count && r >= 0; i++) {
		r = db_run(s, SQL_SNAPSHOT_ADD_PARENT, ARGS(I(at), I(i), I(parents[i])), e);
		if (r == 0)
			return err_set(e, ESTALE, "layer %lld is gone",
				       (long long)parents[i]);
	}
	if (r < 0)
		return r;
	snapshot_path(path, driver, at, false);
	made = store_fresh_dir(s, dir, path, e);
	r = made < 0 ? made : failpoint("snapshot.made", e);
	if (r == 0)
		r = row_write_snapshot(made, &row, parents, count, e);
	if (r == 0)
		r = store_commit(&tx, e);
	if (r < 0)
		return r;
	*id = at;
	if (fd)
		*fd = take_fd(&made);
	return 0;
}

int snapshot_set_usage(struct store *s, int64_t id, uint64_t size,
		       uint64_t inodes, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int r = store_begin(&tx, s, STORE_FAST, e);

	if (r == 0)
		r = db_run(s, SQL_SNAPSHOT_USAGE, ARGS(I(id), I(size), I(inodes)), e);
	if (r == 0)
		return no_snapshot(id, e);
	return r < 0 ? r : store_commit(&tx, e);
}

int snapshot_open(struct store *s, const char *driver, int64_t id, struct err *e)
{
	int dir = store_dir(s, STORE_DIR_SNAPSHOTS, e);
	char path[SNAPSHOT_PATH_MAX];

	if (dir < 0)
		return dir;
	snapshot_path(path, driver, id, false);
	return fs_open_dir(dir, path, e);
}

int snapshot_drop_rows(struct store *s, int64_t id, char **driver, struct err *e)
{
	AUTO(snapshot) struct snapshot snap = SNAPSHOT_INIT;
	int64_t child = 0;
	int r = row_get(&snap, s, id, e);

	if (r == 0)
		r = db_one(&child, s, SQL_SNAPSHOT_HAS_CHILD, ARGS(I(id)), e);
	if (r == 0 && child)
		return err_set(e, EBUSY, "snapshot %lld is a parent of others", (long long)id);
	if (r == 0)
		r = db_run(s, SQL_SNAPSHOT_DELETE_PARENTS, ARGS(I(id)), e);
	if (r >= 0)
		r = db_run(s, SQL_SNAPSHOT_DELETE, ARGS(I(id)), e);
	if (r < 0)
		return r;
	*driver = take(snap.driver);
	return 0;
}

int snapshot_trash(struct store *s, const char *driver, int64_t id, struct err *e)
{
	int dir = store_dir(s, STORE_DIR_SNAPSHOTS, e);
	char path[SNAPSHOT_PATH_MAX];
	int r;

	if (dir < 0)
		return dir;
	snapshot_path(path, driver, id, true);
	r = store_trash(s, dir, path, e);
	if (r < 0)
		return r;
	snapshot_path(path, driver, id, false);
	return store_trash(s, dir, path, e);
}

int snapshot_remove(struct store *s, int64_t id, struct err *e)
{
	AUTO_FREE char *driver = NULL;
	int r;

	assert(s->depth == 0);
	store_make_room(s);
	{
		AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;

		/* Or the directory may be gone and the row back. */
		r = store_begin(&tx, s, STORE_DURABLE, e);
		if (r == 0)
			r = snapshot_drop_rows(s, id, &driver, e);
		if (r == 0)
			r = store_commit(&tx, e);
	}
	if (r == 0)
		r = failpoint("snapshot.dropped", e);
	return r < 0 ? r : snapshot_trash(s, driver, id, e);
}
