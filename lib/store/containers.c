#include "lib/store/containers.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/failpoint.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/rows.h"
#include "lib/store/snapshot.h"
#include "lib/store/volume.h"

#define CONTAINER_PATH_MAX (2 * MAX_ID + 2)

void container_clear(struct container *c)
{
	free(c->id);
	free(c->ns);
	free(c->name);
	free(c->image);
	free(c->restart);
	free(c->config);
	strv_clear(&c->labels);
	*c = (struct container)CONTAINER_INIT;
}

void containers_clear(struct containers *l)
{
	for (size_t i = 0; i < l->len; i++)
		container_clear(&l->v[i]);
	free(l->v);
	*l = (struct containers)CONTAINERS_INIT;
}

static void container_path(char out[static CONTAINER_PATH_MAX], const char *ns,
			   const char *id)
{
	snprintf(out, CONTAINER_PATH_MAX, "%s/%s", ns, id);
}

static int from_row(struct container *out, sqlite3_stmt *st, struct err *e)
{
	struct container c = {
		.id = db_text(st, 0),
		.ns = db_text(st, 1),
		.name = db_text(st, 2),
		.image = db_text(st, 3),
		.snapshot = db_int(st, 6),
		.state = (enum container_state)db_int(st, 7),
		.created_ns = db_u64(st, 8),
		.started_ns = db_u64(st, 9),
		.finished_ns = db_u64(st, 10),
		.starter = { .pid = (pid_t)db_int(st, 11), .start = db_u64(st, 12) },
		.exit_code = (int)db_int(st, 14),
		.flags = (unsigned)db_int(st, 15),
		.restart = db_text(st, 16),
		.config = db_text(st, 17),
	};
	int r = db_digest(&c.manifest, st, 4, e);

	if (r == 0)
		r = db_digest(&c.config_digest, st, 5, e);
	(void)str_copy(c.starter.boot, sizeof(c.starter.boot), db_peek(st, 13));
	if (r < 0) {
		container_clear(&c);
		return r;
	}
	*out = c;
	return 0;
}

/* 1, or 0: no row.  Without labels. */
static int one(struct container *out, struct store *s, enum sql q,
	       const char *ns, const char *text, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, q, ARGS(T(ns), T(text)), e);

	if (r == 0)
		r = db_next(s, st, e);
	if (r > 0) {
		r = from_row(out, st, e);
		return r < 0 ? r : 1;
	}
	return r;
}

static int no_container(const char *text, struct err *e)
{
	return err_set(e, ENOENT, "no container '%s'", text);
}

/* The only id that begins so. */
static int by_prefix(struct container *out, struct store *s, const char *ns,
		     const char *text, struct err *e)
{
	AUTO(buf) struct buf many = BUF_INIT(ERR_TEXT_MAX);
	AUTO_FREE char *id = NULL;
	int count = 0;
	int r;

	{
		AUTO(db_rows) sqlite3_stmt *st = NULL;

		r = db_query(&st, s, SQL_CONTAINER_BY_PREFIX, ARGS(T(ns), T(text)), e);
		while (r >= 0 && (r = db_next(s, st, e)) > 0) {
			(void)buf_addf(&many, " %.12s", db_peek(st, 0));
			free_auto(&id);
			id = db_text(st, 0);
			count++;
		}
	}
	if (r < 0)
		return r;
	if (count > 1)
		return err_set(e, ENOTUNIQ, "'%s' fits several containers:%s%s", text,
			       many.data, count == 5 ? " ..." : "");
	return count ? one(out, s, SQL_CONTAINER_BY_ID, ns, id, e) : 0;
}

int container_get(struct container *out, struct store *s, const char *ns,
		  const char *text, struct err *e)
{
	AUTO(container) struct container c = CONTAINER_INIT;
	int r = one(&c, s, SQL_CONTAINER_BY_ID, ns, text, e);

	if (r == 0)
		r = one(&c, s, SQL_CONTAINER_BY_NAME, ns, text, e);
	if (r == 0 && *text)
		r = by_prefix(&c, s, ns, text, e);
	if (r == 0)
		return no_container(text, e);
	if (r > 0)
		r = label_list(&c.labels, s, ns, LABEL_CONTAINER, c.id, e);
	if (r < 0)
		return r;
	*out = c;
	c = (struct container)CONTAINER_INIT;
	return 0;
}

/* One query for the labels of all. */
static int add_labels(struct containers *l, struct store *s, const char *ns,
		      struct err *e)
{
	AUTO(map) struct map by_path = MAP_INIT;
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	char path[CONTAINER_PATH_MAX];
	int r;

	for (size_t i = 0; i < l->len; i++) {
		container_path(path, l->v[i].ns, l->v[i].id);
		map_set(&by_path, path, &l->v[i]);
	}
	r = db_query(&st, s, SQL_LABEL_LIST_NS, ARGS(I(LABEL_CONTAINER), T(ns)), e);
	while (r >= 0 && (r = db_next(s, st, e)) > 0) {
		struct container *c;

		container_path(path, db_peek(st, 3), db_peek(st, 0));
		c = map_get(&by_path, path);
		if (c)
			strv_addf(&c->labels, "%s=%s", db_peek(st, 1), db_peek(st, 2));
	}
	return r;
}

static int list_rows(struct containers *l, struct store *s, enum sql q, const char *ns,
		     struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, q, ARGS(T(ns)), e);

	while (r >= 0 && (r = db_next(s, st, e)) > 0) {
		l->v = mem_more(l->v, l->len, sizeof(*l->v));
		r = from_row(&l->v[l->len], st, e);
		l->len += r == 0;
	}
	return r;
}

int container_list(struct containers *out, struct store *s, const char *ns,
		   struct err *e)
{
	AUTO(containers) struct containers l = CONTAINERS_INIT;
	int r = list_rows(&l, s, SQL_CONTAINER_LIST, ns, e);

	if (r == 0 && l.len)
		r = add_labels(&l, s, ns, e);
	if (r < 0)
		return r;
	*out = l;
	l = (struct containers)CONTAINERS_INIT;
	return 0;
}

int container_list_live(struct containers *out, struct store *s, const char *ns,
			struct err *e)
{
	AUTO(containers) struct containers l = CONTAINERS_INIT;
	int r = list_rows(&l, s, SQL_CONTAINER_LIST_LIVE, ns, e);

	for (size_t i = 0; i < l.len && r == 0; i++)
		r = label_list(&l.v[i].labels, s, l.v[i].ns, LABEL_CONTAINER, l.v[i].id, e);
	if (r < 0)
		return r;
	*out = l;
	l = (struct containers)CONTAINERS_INIT;
	return 0;
}

static int name_is_taken(struct store *s, const char *ns, const char *id,
			 const char *name, struct err *e)
{
	AUTO(container) struct container other = CONTAINER_INIT;
	int r = one(&other, s, SQL_CONTAINER_BY_NAME, ns, name, e);

	if (r > 0)
		return err_set(e, EEXIST, "the name '%s' is in use by container %.12s", name,
			       other.id);
	return r < 0 ? r : err_set(e, EEXIST, "there is a container %.12s", id);
}

static int make_dir(struct store *s, const struct container *c, struct err *e)
{
	int dir = store_dir(s, STORE_DIR_CONTAINERS, e);
	char path[CONTAINER_PATH_MAX];
	AUTO_FD int fd = -1;

	if (dir < 0)
		return dir;
	if (mkdirat(dir, c->ns, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make directory '%s'", c->ns);
	container_path(path, c->ns, c->id);
	fd = store_fresh_dir(s, dir, path, e);
	return fd < 0 ? fd : row_write_container(fd, c, e);
}

static int check_snapshot(struct store *s, int64_t id, struct err *e)
{
	AUTO(snapshot) struct snapshot snap = SNAPSHOT_INIT;
	int r = id ? snapshot_get(&snap, s, id, e) : 0;

	if (r == -ENOENT) {
		err_clear(e);
		return err_set(e, ESTALE, "snapshot %lld is gone", (long long)id);
	}
	return r;
}

int container_put(struct store *s, const struct container *c, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	struct container row = *c;
	int r;

	if (!str_is_name(c->id) || !str_is_name(c->name))
		return err_set(e, EINVAL, "bad container name '%s'",
			       str_is_name(c->id) ? c->name : c->id);
	if (!row.created_ns)
		row.created_ns = clock_wall_ns();
	r = store_begin(&tx, s, STORE_FAST, e);
	if (r == 0)
		r = store_use_ns(s, c->ns, e);
	if (r == 0)
		r = check_snapshot(s, c->snapshot, e);
	if (r == 0)
		r = db_run(s, SQL_CONTAINER_INSERT,
			   ARGS(T(c->ns), T(c->id), T(c->name), T(c->image), D(&c->manifest),
				D(&c->config_digest), I(c->snapshot),
				I(row.created_ns), I(c->flags), T(c->restart), T(c->config)), e);
	if (r == 0)
		return name_is_taken(s, c->ns, c->id, c->name, e);
	if (r > 0)
		r = label_set_all(s, c->ns, LABEL_CONTAINER, c->id, &c->labels, e);
	if (r == 0)
		r = make_dir(s, &row, e);
	if (r == 0)
		r = failpoint("container.put", e);
	return r < 0 ? r : store_commit(&tx, e);
}

int container_save_row(struct store *s, const char *ns, const char *id, struct err *e)
{
	AUTO(container) struct container c = CONTAINER_INIT;
	AUTO_FD int dir = -1;
	int r = container_get(&c, s, ns, id, e);

	if (r < 0)
		return r;
	dir = container_open_dir(s, ns, id, e);
	return dir < 0 ? dir : row_write_container(dir, &c, e);
}

/* One statement about one container; what it changed. */
static int change(struct store *s, enum sql q, const struct db_arg *args,
		  size_t count, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int changed, r = store_begin(&tx, s, STORE_FAST, e);

	if (r < 0)
		return r;
	changed = db_run(s, q, args, count, e);
	if (changed < 0)
		return changed;
	r = store_commit(&tx, e);
	return r < 0 ? r : changed;
}

int container_set_started(struct store *s, const char *ns, const char *id,
			  const struct proc_id *starter, uint64_t started_ns,
			  struct err *e)
{
	int r = change(s, SQL_CONTAINER_STARTED,
		       ARGS(T(ns), T(id), I(started_ns), I(starter->pid),
			    I(starter->start), T(starter->boot)), e);

	if (r == 0)
		return no_container(id, e);
	return r < 0 ? r : 0;
}

int container_set_finished(struct store *s, const char *ns, const char *id,
			   uint64_t started_ns, uint64_t finished_ns,
			   int exit_code, struct err *e)
{
	return change(s, SQL_CONTAINER_FINISHED,
		      ARGS(T(ns), T(id), I(started_ns), I(finished_ns), I(exit_code)), e);
}

int container_forget_task(struct store *s, const char *ns, const char *id, struct err *e)
{
	int r = change(s, SQL_CONTAINER_FORGET, ARGS(T(ns), T(id)), e);

	if (r == 0)
		return err_set(e, ENOENT, "container '%s' has no task that has ended", id);
	return r < 0 ? r : 0;
}

int container_update(struct store *s, const struct container *c, struct err *e)
{
	int r = change(s, SQL_CONTAINER_UPDATE,
		       ARGS(T(c->ns), T(c->id), T(c->config), T(c->restart), I(c->flags)), e);

	if (r == 0)
		return no_container(c->id, e);
	return r < 0 ? r : container_save_row(s, c->ns, c->id, e);
}

int container_rename(struct store *s, const char *ns, const char *id,
		     const char *name, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	AUTO(container) struct container c = CONTAINER_INIT;
	int r;

	if (!str_is_name(name))
		return err_set(e, EINVAL, "bad container name '%s'", name);
	r = store_begin(&tx, s, STORE_FAST, e);
	if (r == 0)
		r = one(&c, s, SQL_CONTAINER_BY_ID, ns, id, e);
	if (r == 0)
		return no_container(id, e);
	if (r > 0)
		r = db_run(s, SQL_CONTAINER_RENAME, ARGS(T(ns), T(id), T(name)), e);
	if (r == 0)
		return name_is_taken(s, ns, id, name, e);
	if (r > 0)
		r = container_save_row(s, ns, id, e);
	return r < 0 ? r : store_commit(&tx, e);
}

/* 1, or 0: there was none.  *driver is set when there was a snapshot. */
static int drop_rows(struct store *s, const char *ns, const char *id, bool volumes,
		     int64_t *snapshot, char **driver, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	AUTO(container) struct container c = CONTAINER_INIT;
	int r = one(&c, s, SQL_CONTAINER_BY_ID, ns, id, e);

	if (r <= 0)
		return r;
	/* Its files go next, and the row must not come back without them; a
	 * temporary one would be removed again. */
	r = store_begin(&tx, s, c.flags & CONTAINER_AUTO_REMOVE ? STORE_FAST : STORE_DURABLE, e);
	if (r == 0)
		r = db_one(snapshot, s, SQL_CONTAINER_DELETE, ARGS(T(ns), T(id)), e);
	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (r == 0)
		r = db_run(s, SQL_LABEL_DELETE_ALL, ARGS(I(LABEL_CONTAINER), T(ns), T(id)), e);
	if (r >= 0 && volumes)
		r = db_run(s, SQL_VOLUME_DOOM_OWN, ARGS(T(ns), T(id)), e);
	if (r >= 0)
		r = db_run(s, SQL_VOLUME_UNUSE, ARGS(T(ns), T(id)), e);
	if (r >= 0 && *snapshot) {
		r = snapshot_drop_rows(s, *snapshot, driver, e);
		if (r == -ENOENT) {
			err_clear(e);
			r = 0;
		}
	}
	if (r >= 0)
		r = store_commit(&tx, e);
	return r < 0 ? r : 1;
}

int container_remove(struct store *s, const char *ns, const char *id, bool volumes,
		     struct err *e)
{
	int dir = store_dir(s, STORE_DIR_CONTAINERS, e);
	char path[CONTAINER_PATH_MAX];
	AUTO_FREE char *driver = NULL;
	int64_t snapshot = 0;
	int r;

	assert(s->depth == 0);
	if (dir < 0)
		return dir;
	if (!str_is_name(ns) || !str_is_name(id))
		return err_set(e, EINVAL, "bad container name '%s'", id);
	store_make_room(s);
	r = drop_rows(s, ns, id, volumes, &snapshot, &driver, e);
	if (r <= 0)
		return r;
	r = failpoint("container.dropped", e);
	container_path(path, ns, id);
	if (r == 0)
		r = store_trash(s, dir, path, e);
	if (r == 0 && driver)
		r = snapshot_trash(s, driver, snapshot, e);
	if (r == 0 && volumes)
		r = volume_bury_dying(s, e);
	return r < 0 ? r : 1;
}

int container_open_dir(struct store *s, const char *ns, const char *id,
		       struct err *e)
{
	int dir = store_dir(s, STORE_DIR_CONTAINERS, e);
	char path[CONTAINER_PATH_MAX];

	if (dir < 0)
		return dir;
	if (!str_is_name(ns) || !str_is_name(id))
		return err_set(e, EINVAL, "bad container name '%s'", id);
	container_path(path, ns, id);
	return fs_open_dir(dir, path, e);
}
