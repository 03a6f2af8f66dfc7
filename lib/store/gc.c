#include "lib/store/gc.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/failpoint.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/store/blob.h"
#include "lib/store/images.h"
#include "lib/store/layout.h"
#include "lib/store/snapshot.h"
#include "lib/store/volume.h"

#define ROUND 64			/* candidates looked up at a time */

struct run {
	struct store *s;
	uint64_t until;			/* monotonic; UINT64_MAX: no limit */
	uint64_t grace_ns;
	struct gc_result res;
	struct err first;		/* what went wrong first */
};

struct ids {
	int64_t *v;
	size_t len;
};

static void ids_auto(struct ids *l)
{
	free(l->v);
}

static bool is_late(const struct run *g)
{
	return clock_mono_ns() >= g->until;
}

/* GC goes on with the rest, and reports the first failure. */
static int note(struct run *g, int r, struct err *e)
{
	if (r < 0 && !g->first.code)
		return err_move(&g->first, e);
	err_clear(e);
	return r;
}

/* --- blobs --- */

static int find_blobs(struct digest *v, uint64_t *sizes, struct run *g, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int len = 0;
	int r = db_query(&st, g->s, SQL_GC_BLOBS, ARGS(I(ROUND)), e);

	while (r >= 0 && len < ROUND && (r = db_next(g->s, st, e)) > 0) {
		r = db_digest(&v[len], st, 0, e);
		sizes[len++] = db_u64(st, 1);
	}
	return r < 0 ? r : len;
}

/* First step: marks them if really nothing refers to them.  Durable, or a file
 * may be gone and its row back. */
static int doom_blobs(struct store *s, const struct digest *v, int len, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int r = store_begin(&tx, s, STORE_DURABLE, e);

	for (int i = 0; i < len && r >= 0; i++)
		r = db_run(s, SQL_GC_DOOM_BLOB, ARGS(D(&v[i])), e);
	if (r >= 0)
		r = store_commit(&tx, e);
	return r < 0 ? r : failpoint("gc.doomed", e);
}

/* How many blobs went; 0: done, or none could be removed. */
static int sweep_blobs(struct run *g, struct err *e)
{
	struct digest v[ROUND];
	uint64_t sizes[ROUND];
	int len = find_blobs(v, sizes, g, e);
	int doomed = len > 0 ? doom_blobs(g->s, v, len, e) : len;
	int done = 0;

	for (int i = 0; doomed == 0 && i < len && !is_late(g); i++) {
		int r = blob_bury(g->s, &v[i], e);

		if (r > 0) {
			done++;
			g->res.blobs++;
			g->res.blob_bytes += sizes[i];
		}
		(void)note(g, r, e);
	}
	return doomed < 0 ? note(g, doomed, e) : done;
}

/* --- snapshots --- */

struct victim {
	int64_t id;
	char *driver;
	uint64_t size;
	bool is_dropped;
};

static int find_snapshots(struct victim *v, int *len, struct run *g, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, g->s, SQL_GC_SNAPSHOTS, ARGS(I(ROUND)), e);

	while (r >= 0 && *len < ROUND && (r = db_next(g->s, st, e)) > 0)
		v[(*len)++] = (struct victim){
			.id = db_int(st, 0), .driver = db_text(st, 1), .size = db_u64(st, 2),
		};
	return r < 0 ? r : 0;
}

/* Durable, or a directory may be gone and its row back. */
static int drop_snapshots(struct victim *v, int len, struct store *s, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int r = store_begin(&tx, s, STORE_DURABLE, e);

	for (int i = 0; i < len && r >= 0; i++) {
		r = db_run(s, SQL_GC_SNAPSHOT, ARGS(I(v[i].id)), e);
		v[i].is_dropped = r > 0;
		if (r > 0)
			r = db_run(s, SQL_SNAPSHOT_DELETE_PARENTS, ARGS(I(v[i].id)), e);
	}
	if (r >= 0)
		r = store_commit(&tx, e);
	return r < 0 ? r : failpoint("gc.snapshot", e);
}

static int sweep_snapshots(struct run *g, struct err *e)
{
	struct victim v[ROUND];
	int len = 0, done = 0;
	int found = find_snapshots(v, &len, g, e);

	if (found == 0 && len && !is_late(g))
		found = drop_snapshots(v, len, g->s, e);
	for (int i = 0; i < len; i++) {
		if (found == 0 && v[i].is_dropped) {
			done++;
			g->res.snapshots++;
			g->res.snapshot_bytes += v[i].size;
			(void)note(g, snapshot_trash(g->s, v[i].driver, v[i].id, e), e);
		}
		free(v[i].driver);
	}
	return found < 0 ? note(g, found, e) : done;
}

/* --- images whose time is over --- */

static int find_expired(struct ids *out, struct store *s, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	uint64_t now = clock_wall_ns(), at;
	int r = db_query(&st, s, SQL_IMAGE_EXPIRED, NO_ARGS, e);

	while (r >= 0 && (r = db_next(s, st, e)) > 0) {
		struct err no_time = ERR_INIT;

		/* RFC 3339 and nothing else that is a time. */
		if (!strchr(db_peek(st, 1), 'T') ||
		    num_time(db_peek(st, 1), now, &at, &no_time) < 0 || at > now)
			continue;
		out->v = mem_more(out->v, out->len, sizeof(*out->v));
		out->v[out->len++] = db_int(st, 0);
	}
	return r;
}

static int drop_expired(struct run *g, struct err *e)
{
	AUTO(ids) struct ids old = { .len = 0 };
	int r = find_expired(&old, g->s, e);

	for (size_t i = 0; r == 0 && i < old.len; i++)
		r = image_remove(g->s, old.v[i], e);
	return note(g, r, e);
}

/* --- rows that only describe others --- */

/* By one statement, when another one says that there is something to do. */
static int sweep_rows(struct run *g, enum sql ask, enum sql sweep, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int64_t wanted = 0;
	int r = db_one(&wanted, g->s, ask, NO_ARGS, e);

	if (r == 0 && wanted)
		r = store_begin(&tx, g->s, STORE_FAST, e);
	if (r == 0 && wanted)
		r = db_run(g->s, sweep, NO_ARGS, e);
	if (r >= 0 && wanted)
		r = store_commit(&tx, e);
	return note(g, r, e);
}

/* --- downloads that nobody resumed --- */

static int drop_ingest(struct store *s, const char *ref, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int dir = store_dir(s, STORE_DIR_INGEST, e);
	int changed, r = dir < 0 ? dir : store_begin(&tx, s, STORE_FAST, e);

	if (r < 0)
		return r;
	changed = db_run(s, SQL_GC_INGEST, ARGS(T(ref)), e);
	if (changed <= 0)
		return changed;
	/* Under the write lock, so that nobody begins it anew meanwhile. */
	r = store_trash(s, dir, ref, e);
	if (r == 0)
		r = store_commit(&tx, e);
	return r < 0 ? r : changed;
}

static int sweep_ingests(struct run *g, struct err *e)
{
	uint64_t now = clock_wall_ns();
	uint64_t before = now > g->grace_ns ? now - g->grace_ns : 0;
	AUTO(strv) struct strv v = STRV_INIT;
	int r;

	{
		AUTO(db_rows) sqlite3_stmt *st = NULL;

		r = db_query(&st, g->s, SQL_GC_INGESTS, ARGS(I(before), I(ROUND)), e);
		while (r >= 0 && (r = db_next(g->s, st, e)) > 0)
			strv_add(&v, db_peek(st, 0));
	}
	for (size_t i = 0; i < v.len && r >= 0 && !is_late(g); i++) {
		r = drop_ingest(g->s, v.v[i], e);
		g->res.ingests += r > 0;
	}
	return note(g, r < 0 ? r : 0, e);
}

/* --- files without rows --- */

/* Is there a row for what lies at "name"?  Called under the write lock.
 * 1: yes, or not ours to judge. */
typedef int known_fn(struct run *g, const char *parent, const char *name,
		     struct err *e);

struct orphans {
	struct run *g;
	known_fn *known;
	const char *parent;		/* "sha256", a driver, a namespace, "" */
	uint64_t grace_ns;
};

static int try_orphan(struct orphans *o, int dirfd, const char *name, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int r = store_begin(&tx, o->g->s, STORE_FAST, e);

	if (r == 0)
		r = o->known(o->g, o->parent, name, e);
	if (r != 0)
		return r < 0 ? r : 0;
	r = store_trash(o->g->s, dirfd, name, e);
	if (r == 0)
		o->g->res.orphans++;
	return r;
}

/* Looks without the lock first: almost everything is known. */
static int each_orphan(int dirfd, const char *name, unsigned char type, void *arg,
		       struct err *e)
{
	struct orphans *o = arg;
	uint64_t now = clock_wall_ns();
	uint64_t changed;
	struct stat st;
	int r;

	(void)type;
	if (is_late(o->g))
		return 1;
	r = o->known(o->g, o->parent, name, e);
	if (r != 0) {
		(void)note(o->g, r, e);
		return 0;
	}
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	changed = (uint64_t)st.st_ctim.tv_sec * NS_PER_S + (uint64_t)st.st_ctim.tv_nsec;
	if (changed + o->grace_ns > now)
		return 0;
	(void)note(o->g, try_orphan(o, dirfd, name, e), e);
	return 0;
}

static int known_blob(struct run *g, const char *parent, const char *name,
		      struct err *e)
{
	char text[MAX_COMPONENT + 16];
	struct err bad = ERR_INIT;
	struct blob_row row;
	struct digest d;
	int64_t pinned = 0;
	int r;

	snprintf(text, sizeof(text), "%s:%s", parent, name);
	if (digest_parse(&d, text, strlen(text), &bad) < 0)
		return 0;		/* no blob of anybody */
	r = blob_row(&row, g->s, &d, e);
	if (r == 0)
		r = db_one(&pinned, g->s, SQL_BLOB_PINNED, ARGS(D(&d)), e);
	return r != 0 ? r : pinned != 0;
}

static int known_ingest(struct run *g, const char *parent, const char *name,
			struct err *e)
{
	int64_t lease = 0;
	int r = db_one(&lease, g->s, SQL_INGEST_GET, ARGS(T(name)), e);

	(void)parent;
	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	return r < 0 ? r : 1;
}

static int known_snapshot(struct run *g, const char *parent, const char *name,
			  struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	AUTO_FREE char *digits = mem_strn(name, strspn(name, "0123456789"));
	struct err bad = ERR_INIT;
	int64_t id = 0;
	int r;

	if (!str_eq(name + strlen(digits), "") &&
	    !str_eq(name + strlen(digits), ".staging"))
		return 1;		/* a driver's own: its business */
	if (num_i64(digits, 1, INT64_MAX, &id, &bad) < 0)
		return 1;
	r = db_query(&st, g->s, SQL_SNAPSHOT_GET, ARGS(I(id)), e);
	if (r == 0)
		r = db_next(g->s, st, e);
	return r > 0 ? str_eq(db_peek(st, 3), parent) : r;
}

static int known_container(struct run *g, const char *parent, const char *name,
			   struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, g->s, SQL_CONTAINER_BY_ID, ARGS(T(parent), T(name)), e);

	return r < 0 ? r : db_next(g->s, st, e);
}

static int known_volume(struct run *g, const char *parent, const char *name,
			struct err *e)
{
	return volume_is_dir_known(g->s, parent, name, e);
}

static int known_file(struct run *g, const char *parent, const char *name, struct err *e)
{
	(void)g;
	(void)parent;
	(void)e;
	return !str_starts(name, FS_NEW);
}

static int each_parent(int dirfd, const char *name, unsigned char type, void *arg,
		       struct err *e)
{
	struct orphans o = *(struct orphans *)arg;
	AUTO_FD int fd = -1;

	if (type != DT_DIR && type != DT_UNKNOWN)
		return 0;
	o.parent = name;
	fd = fs_open_dir(dirfd, name, e);
	return fd < 0 ? fd : fs_each(fd, each_orphan, &o, e);
}

static int sweep_orphans(struct run *g, struct err *e)
{
	static const struct {
		enum store_dir dir;
		const char *below;	/* of dir; NULL: dir itself */
		known_fn *known;
		bool has_parents;
		bool at_once;		/* rows come first or in one transaction:
					 * what has none is nobody's */
	} places[] = {
		{ STORE_DIR_CONTENT, "blobs", known_blob, true, false },
		{ STORE_DIR_INGEST, NULL, known_ingest, false, false },
		{ STORE_DIR_SNAPSHOTS, NULL, known_snapshot, true, true },
		{ STORE_DIR_CONTAINERS, NULL, known_container, true, false },
		{ STORE_DIR_VOLUMES, NULL, known_volume, true, false },
		{ STORE_DIR_ROOT, NULL, known_file, false, false },
		{ STORE_DIR_CONTENT, NULL, known_file, false, false },
		{ STORE_DIR_SNAPSHOTS, NULL, known_file, false, false },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places) && !is_late(g); i++) {
		struct orphans o = {
			.g = g, .known = places[i].known, .parent = "",
			.grace_ns = places[i].at_once ? 0 : g->grace_ns,
		};
		int dir = store_dir(g->s, places[i].dir, e);
		AUTO_FD int fd = -1;

		/* Another host may share the blobs of a split store. */
		if (g->s->is_split && places[i].dir == STORE_DIR_CONTENT)
			continue;
		if (dir >= 0 && places[i].below) {
			fd = fs_open_dir(dir, places[i].below, e);
			dir = fd;
		}
		r = dir < 0 ? dir : fs_each(dir, places[i].has_parents ? each_parent
								       : each_orphan,
					    &o, e);
		(void)note(g, r < 0 ? r : 0, e);
	}
	return 0;
}

/* --- what would go: the rows alone, in a transaction that is taken back --- */

static int forget_snapshots(struct run *g, struct err *e)
{
	int len, r;

	do {
		struct victim v[ROUND];

		len = 0;
		r = find_snapshots(v, &len, g, e);
		if (r == 0 && len)
			r = drop_snapshots(v, len, g->s, e);
		for (int i = 0; i < len; i++)
			free(v[i].driver);
	} while (r == 0 && len);
	return r;
}

static int forget_blobs(struct blobs *out, struct run *g, struct err *e)
{
	struct digest v[ROUND];
	uint64_t sizes[ROUND];
	int len;

	while ((len = find_blobs(v, sizes, g, e)) > 0) {
		int r = doom_blobs(g->s, v, len, e);

		for (int i = 0; r >= 0 && i < len; i++) {
			r = db_run(g->s, SQL_BLOB_DELETE_DYING, ARGS(D(&v[i])), e);
			out->v = mem_more(out->v, out->len, sizeof(*out->v));
			out->v[out->len++] = (struct blob){ .digest = v[i], .size = sizes[i] };
		}
		if (r < 0)
			return r;
	}
	return len;
}

int gc_preview(struct blobs *out, struct store *s, struct err *e)
{
	struct run g = { .s = s, .until = UINT64_MAX, .first = ERR_INIT };
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	AUTO(blobs) struct blobs l = BLOBS_INIT;
	int r = store_begin(&tx, s, STORE_FAST, e);

	if (r == 0 && drop_expired(&g, e) < 0)
		r = err_move(e, &g.first);
	if (r == 0)
		r = forget_snapshots(&g, e);
	if (r == 0)
		r = forget_blobs(&l, &g, e);
	if (r < 0)
		return r;
	*out = l;
	l = (struct blobs)BLOBS_INIT;
	return 0;
}

/* --- all of it --- */

int gc_run(struct gc_result *out, struct store *s, const struct gc_options *o,
	   struct err *e)
{
	struct run g = {
		.s = s,
		.until = o->budget_ns ? clock_mono_ns() + o->budget_ns : UINT64_MAX,
		.grace_ns = o->grace_s * NS_PER_S,
		.first = ERR_INIT,
	};
	struct err now = ERR_INIT;

	assert(s->depth == 0);
	store_make_room(s);
	(void)note(&g, lease_recover(s, &now), &now);
	(void)note(&g, volume_bury_dying(s, &now), &now);
	(void)drop_expired(&g, &now);
	/* A map of no layer must not count among those used last. */
	(void)sweep_rows(&g, SQL_GC_MANY_MAPS, SQL_GC_MAPS, &now);
	while (!is_late(&g) && sweep_snapshots(&g, &now) > 0)
		continue;
	/* A removed manifest frees its config and layers for the next round. */
	while (!is_late(&g) && sweep_blobs(&g, &now) > 0)
		continue;
	(void)sweep_rows(&g, SQL_IMAGE_LAYER_DEAD, SQL_IMAGE_LAYER_SWEEP, &now);
	while (!is_late(&g)) {
		uint64_t before = g.res.ingests;

		(void)sweep_ingests(&g, &now);
		if (g.res.ingests == before)
			break;
	}
	(void)sweep_orphans(&g, &now);
	(void)note(&g, layout_write_index(s, &now), &now);
	store_keep_room(s);
	g.res.is_finished = !is_late(&g);
	*out = g.res;
	return g.first.code ? err_move(e, &g.first) : 0;
}

/* --- trash --- */

struct reaper {
	uint64_t until;
	gc_reap_fn *fn;
	void *arg;
	int left;
};

static int each_trash(int dirfd, const char *name, unsigned char type, void *arg,
		      struct err *e)
{
	struct reaper *t = arg;
	int r;

	(void)type;
	if (clock_mono_ns() >= t->until) {
		t->left++;
		return 0;
	}
	r = fs_rmtree(dirfd, name, e);
	if ((r == -EPERM || r == -EACCES) && t->fn) {
		err_clear(e);
		r = t->fn(dirfd, name, t->arg, e);
	}
	if (r < 0) {
		/* One that cannot go must not keep the others. */
		err_clear(e);
		t->left++;
	}
	return 0;
}

int gc_reap_trash(struct store *s, uint64_t budget_ns, gc_reap_fn *fn,
		  void *arg, struct err *e)
{
	struct reaper t = {
		.until = budget_ns ? clock_mono_ns() + budget_ns : UINT64_MAX,
		.fn = fn,
		.arg = arg,
	};
	int dir = store_dir(s, STORE_DIR_TRASH, e);
	int r = dir < 0 ? dir : fs_each(dir, each_trash, &t, e);

	return r < 0 ? r : t.left;
}

static int each_any(int dirfd, const char *name, unsigned char type, void *arg,
		    struct err *e)
{
	(void)dirfd;
	(void)name;
	(void)type;
	(void)arg;
	(void)e;
	return 1;
}

bool gc_has_trash(struct store *s)
{
	struct err ignored = ERR_INIT;
	int dir = store_dir(s, STORE_DIR_TRASH, &ignored);

	return dir >= 0 && fs_each(dir, each_any, NULL, &ignored) > 0;
}
