#include "lib/store/snapnames.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/failpoint.h"
#include "lib/base/mem.h"
#include "lib/store/rows.h"
#include "lib/store/snapshot.h"

void snapnames_auto(struct snapnames *l)
{
	for (size_t i = 0; i < l->len; i++) {
		free(l->v[i].driver);
		free(l->v[i].key);
	}
	free(l->v);
	*l = (struct snapnames)SNAPNAMES_INIT;
}

int snapname_list(struct snapnames *out, struct store *s, const char *ns, const char *driver,
		  struct err *e)
{
	AUTO(snapnames) struct snapnames l = SNAPNAMES_INIT;
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, SQL_SNAPNAME_LIST, ARGS(T(ns), T(driver)), e);

	while (r >= 0 && (r = db_next(s, st, e)) > 0) {
		l.v = mem_more(l.v, l.len, sizeof(*l.v));
		l.v[l.len++] = (struct snapname){
			.id = db_int(st, 0), .driver = db_text(st, 1), .key = db_text(st, 2),
		};
	}
	if (r < 0)
		return r;
	*out = l;
	l = (struct snapnames)SNAPNAMES_INIT;
	return 0;
}

int snapname_find(int64_t *id, struct store *s, const char *ns, const char *driver,
		  const char *key, struct err *e)
{
	int r = db_one(id, s, SQL_SNAPNAME_FIND, ARGS(T(ns), T(driver), T(key)), e);

	if (r != -ENOENT)
		return r;
	err_clear(e);
	return err_set(e, ENOENT, "no snapshot '%s'", key);
}

int snapname_put(struct store *s, const char *ns, const char *driver, const char *key,
		 int64_t id, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int r = store_begin(&tx, s, STORE_FAST, e);

	if (r == 0)
		r = store_use_ns(s, ns, e);
	if (r == 0)
		r = db_run(s, SQL_SNAPNAME_PUT, ARGS(T(ns), T(driver), T(key), I(id)), e);
	if (r == 0)
		return err_set(e, EEXIST, "snapshot '%s' is there already", key);
	return r < 0 ? r : store_commit(&tx, e);
}

static int save_row(struct store *s, int64_t id, struct err *e)
{
	AUTO(snapshot) struct snapshot snap = SNAPSHOT_INIT;
	AUTO_FD int dir = -1;
	int r = snapshot_get(&snap, s, id, e);

	if (r < 0)
		return r;
	dir = snapshot_open(s, snap.driver, id, e);
	return dir < 0 ? dir : row_write_snapshot(dir, &snap, snap.parents, snap.parent_count, e);
}

int snapname_commit(struct store *s, const char *ns, const struct snapname *from,
		    const char *key, const struct snapshot_done *done, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int dir = store_dir(s, STORE_DIR_SNAPSHOTS, e);
	int r = dir < 0 ? dir : failpoint("layer.sync", e);

	assert(s->depth == 0);
	if (r == 0 && syncfs(dir) < 0)
		r = err_sys(e, "sync the snapshot");
	if (r == 0)
		r = store_begin(&tx, s, STORE_DURABLE, e);
	if (r < 0)
		return r;
	r = db_run(s, SQL_SNAPSHOT_COMMIT, ARGS(I(from->id), I(done->size), I(done->inodes)), e);
	if (r == 0)
		return err_set(e, EINVAL, "snapshot '%s' is not active", from->key);
	if (r > 0)
		r = db_run(s, SQL_SNAPNAME_DELETE, ARGS(T(ns), T(from->driver), T(from->key)), e);
	if (r >= 0)
		r = snapname_put(s, ns, from->driver, key, from->id, e);
	if (r == 0)
		r = save_row(s, from->id, e);
	return r < 0 ? r : store_commit(&tx, e);
}
