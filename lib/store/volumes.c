#include "lib/store/volumes.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/failpoint.h"
#include "lib/base/fs.h"
#include "lib/base/id.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/db.h"
#include "lib/store/rows.h"
#include "lib/store/volume.h"

#define DATA "_data"
#define VOLUME_PATH_MAX (2 * MAX_ID + 16)

void volume_clear(struct volume *v)
{
	free(v->ns);
	free(v->name);
	strv_clear(&v->labels);
	strv_clear(&v->options);
	*v = (struct volume)VOLUME_INIT;
}

void volumes_clear(struct volumes *l)
{
	for (size_t i = 0; i < l->len; i++)
		volume_clear(&l->v[i]);
	free(l->v);
	*l = (struct volumes)VOLUMES_INIT;
}

static int check_names(const char *ns, const char *name, struct err *e)
{
	if (!str_is_name(ns) || !str_is_name(name))
		return err_set(e, EINVAL, "bad volume name '%s'", name);
	return 0;
}

static int no_volume(const char *name, struct err *e)
{
	return err_set(e, ENOENT, "no volume '%s'", name);
}

/* Options are kept as lines. */
static char *options_text(const struct strv *options)
{
	AUTO(buf) struct buf b = BUF_INIT(MAX_VOLUME_OPTIONS);

	for (size_t i = 0; i < options->len; i++)
		(void)buf_addf(&b, "%s\n", options->v[i]);
	return buf_steal(&b);
}

static int check_options(const struct strv *options, struct err *e)
{
	size_t sum = 0;

	for (size_t i = 0; i < options->len; i++) {
		sum += strlen(options->v[i]) + 1;
		if (strchr(options->v[i], '\n'))
			return err_set(e, EINVAL, "a volume option contains a newline");
	}
	if (sum > MAX_VOLUME_OPTIONS)
		return err_set(e, EFBIG, "volume options: longer than %zu bytes",
			       MAX_VOLUME_OPTIONS);
	return 0;
}

static void from_row(struct volume *out, bool *dying, sqlite3_stmt *st)
{
	*out = (struct volume){
		.ns = db_text(st, 0),
		.name = db_text(st, 1),
		.is_anonymous = db_int(st, 2),
		.created_ns = db_u64(st, 3),
		.users = db_u64(st, 6),
	};
	*dying = db_int(st, 5);
	for (const char *p = db_peek(st, 4); *p;) {
		size_t len = strcspn(p, "\n");

		strv_addn(&out->options, p, len);
		p += len + (p[len] == '\n');
	}
}

/* 1, or 0: no row.  Without labels. */
static int row_get(struct volume *out, bool *dying, struct store *s,
		   const char *ns, const char *name, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, SQL_VOLUME_GET, ARGS(T(ns), T(name)), e);

	if (r == 0)
		r = db_next(s, st, e);
	if (r > 0)
		from_row(out, dying, st);
	return r;
}

static int sync_ns(int dir, const char *ns, struct err *e)
{
	AUTO_FD int fd = openat(dir, ns, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	return fd < 0 ? err_sys(e, "open '%s'", ns) : fs_sync_dir(fd, ns, e);
}

static int bury(struct store *s, const char *ns, const char *name, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	AUTO(volume) struct volume v = VOLUME_INIT;
	int dir = store_dir(s, STORE_DIR_VOLUMES, e);
	char path[VOLUME_PATH_MAX];
	bool dying = false;
	int r = dir < 0 ? dir : store_begin(&tx, s, STORE_DURABLE, e);

	if (r == 0)
		r = row_get(&v, &dying, s, ns, name, e);
	if (r < 0)
		return r;
	if (r == 0 || !dying)
		return 0;
	snprintf(path, sizeof(path), "%s/%s", ns, name);
	r = store_trash(s, dir, path, e);
	/* Or the next volume of this name would adopt what is left. */
	if (r == 0)
		r = sync_ns(dir, ns, e);
	if (r == 0)
		r = failpoint("volume.buried", e);
	if (r == 0)
		r = db_run(s, SQL_LABEL_DELETE_ALL, ARGS(I(LABEL_VOLUME), T(ns), T(name)), e);
	if (r >= 0)
		r = db_run(s, SQL_VOLUME_DELETE_DYING, ARGS(T(ns), T(name)), e);
	return r < 0 ? r : store_commit(&tx, e);
}

/* The directory and its parents; one that is there is adopted.  A container's
 * other users may look into a volume: what is above it keeps strangers out. */
static int make_dirs(struct store *s, const char *ns, const char *name, bool sync,
		     struct err *e)
{
	int dir = store_dir(s, STORE_DIR_VOLUMES, e);
	char path[VOLUME_PATH_MAX];
	AUTO_FD int above = -1;
	int r;

	snprintf(path, sizeof(path), "%s/%s", ns, name);
	above = dir < 0 ? dir : fs_mkdirs(dir, path, 0700, e);
	r = above < 0 ? above : 0;
	for (size_t i = 0; i < (sync ? 4u : 1u) && r == 0; i++) {
		AUTO_FD int fd = -1;

		snprintf(path, sizeof(path), "./%s/%s/" DATA, ns, name);
		for (size_t up = 0; up < i; up++)
			*strrchr(path, '/') = '\0';
		fd = fs_mkdirs(dir, path, i == 0 ? 0755 : 0700, e);
		r = fd < 0 ? fd : 0;
		if (r == 0 && sync)
			r = fs_sync_dir(fd, path, e);
	}
	return r;
}

/* The copy beside its files, of what the database has now. */
static int save_row(struct store *s, const struct volume *v, const char *options,
		    struct err *e)
{
	AUTO(volume) struct volume now = VOLUME_INIT;
	int dir = store_dir(s, STORE_DIR_VOLUMES, e);
	char path[VOLUME_PATH_MAX];
	AUTO_FD int fd = -1;
	int r = dir < 0 ? dir : volume_get(&now, s, v->ns, v->name, e);

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/%s", v->ns, v->name);
	fd = fs_open_dir(dir, path, e);
	return fd < 0 ? fd : row_write_volume(fd, &now, options, e);
}

static int put_row(struct store *s, const struct volume *v, struct err *e)
{
	AUTO_FREE char *options = options_text(&v->options);
	int r = store_use_ns(s, v->ns, e);

	if (r == 0)
		r = db_run(s, SQL_VOLUME_INSERT,
			   ARGS(T(v->ns), T(v->name), I(v->is_anonymous),
				I(clock_wall_ns()), T(options)), e);
	if (r >= 0)
		r = label_set_all(s, v->ns, LABEL_VOLUME, v->name, &v->labels, e);
	return r < 0 ? r : save_row(s, v, options, e);
}

/* 1: there is one.  What somebody began to remove is removed. */
static int is_there(struct store *s, const struct volume *v, struct err *e)
{
	AUTO(volume) struct volume old = VOLUME_INIT;
	bool dying = false;
	int r = row_get(&old, &dying, s, v->ns, v->name, e);

	return r > 0 && dying ? bury(s, v->ns, v->name, e) : r;
}

static int is_taken(const char *name, struct err *e)
{
	return err_set(e, EEXIST, "there is a volume '%s'", name);
}

static int insert(struct store *s, const struct volume *v, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int r = store_begin(&tx, s, STORE_DURABLE, e);

	if (r == 0)
		r = is_there(s, v, e);
	if (r > 0)
		return is_taken(v->name, e);
	if (r == 0)
		r = make_dirs(s, v->ns, v->name, false, e);
	if (r == 0)
		r = put_row(s, v, e);
	if (r >= 0)
		r = failpoint("volume.create", e);
	return r < 0 ? r : store_commit(&tx, e);
}

/* After the transaction, as the directories are before it: it takes long. */
static int sync_row(int dir, const struct volume *v, struct err *e)
{
	char path[VOLUME_PATH_MAX];
	AUTO_FD int fd = -1, row = -1;

	snprintf(path, sizeof(path), "%s/%s", v->ns, v->name);
	fd = fs_open_dir(dir, path, e);
	if (fd < 0)
		return fd;
	row = openat(fd, ROW_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (row < 0 || fsync(row) < 0)
		return err_sys(e, "sync '%s/" ROW_FILE "'", path);
	return fs_sync_dir(fd, path, e);
}

/* It was being made; now it is. */
static void drop_scratch(int dir, const char *ns, const char *name)
{
	char path[VOLUME_PATH_MAX + sizeof(VOLUME_SCRATCH)];

	snprintf(path, sizeof(path), "%s/%s/" VOLUME_SCRATCH, ns, name);
	(void)unlinkat(dir, path, AT_REMOVEDIR);
}

int volume_create(struct store *s, const struct volume *v, struct err *e)
{
	AUTO(volume) struct volume old = VOLUME_INIT;
	int dir = store_dir(s, STORE_DIR_VOLUMES, e);
	bool dying = false;
	int r = dir < 0 ? dir : check_names(v->ns, v->name, e);

	if (r == 0)
		r = check_options(&v->options, e);
	if (r == 0)
		r = row_get(&old, &dying, s, v->ns, v->name, e);
	if (r > 0 && !dying)
		return is_taken(v->name, e);
	/* The directory is synced before the transaction: that takes long. */
	if (r == 0)
		r = make_dirs(s, v->ns, v->name, true, e);
	if (r >= 0)
		r = insert(s, v, e);
	if (r == 0)
		r = sync_row(dir, v, e);
	if (r == 0)
		drop_scratch(dir, v->ns, v->name);
	return r;
}

int volume_draft(char **draft, struct store *s, const char *ns, struct err *e)
{
	int dir = store_dir(s, STORE_DIR_VOLUMES, e);
	AUTO_FREE char *name = NULL;
	AUTO_FREE char *scratch = NULL;
	char id[ID_LEN + 1];
	int r = dir < 0 ? dir : id_make(id, e);

	if (r < 0)
		return r;
	name = mem_printf(FS_NEW "%s", id);
	scratch = mem_printf("%s/%s/" VOLUME_SCRATCH, ns, name);
	r = make_dirs(s, ns, name, false, e);
	if (r == 0 && mkdirat(dir, scratch, 0700) < 0)
		r = err_sys(e, "make a new volume");
	if (r == 0)
		*draft = take(name);
	return r;
}

int volume_settle(struct store *s, const struct volume *v, const char *draft,
		  struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	AUTO_FREE char *from = mem_printf("%s/%s", v->ns, draft);
	AUTO_FREE char *to = mem_printf("%s/%s", v->ns, v->name);
	int dir = store_dir(s, STORE_DIR_VOLUMES, e);
	int r = dir < 0 ? dir : check_names(v->ns, v->name, e);

	if (r == 0)
		r = store_begin(&tx, s, STORE_FAST, e);
	if (r == 0)
		r = is_there(s, v, e);
	if (r != 0)
		return r < 0 ? r : 0;
	/* One that is there without a row is adopted: make_dirs finds it. */
	if (renameat(dir, from, dir, to) < 0 && errno != ENOTEMPTY && errno != EEXIST &&
	    errno != ENOENT)
		return err_sys(e, "name volume '%s'", v->name);
	r = make_dirs(s, v->ns, v->name, false, e);
	if (r == 0)
		r = put_row(s, v, e);
	if (r >= 0)
		r = failpoint("volume.settle", e);
	return r < 0 ? r : store_commit(&tx, e);
}

void volume_end_draft(struct store *s, const char *ns, const char *draft,
		      const char *name)
{
	AUTO_FREE char *path = mem_printf("%s/%s", ns, draft);
	struct err ignored = ERR_INIT;
	int dir = store_dir(s, STORE_DIR_VOLUMES, &ignored);
	AUTO(volume) struct volume v = VOLUME_INIT;

	if (dir < 0 || store_trash(s, dir, path, &ignored) < 0)
		return;			/* GC finds it */
	if (volume_get(&v, s, ns, name, &ignored) == 0)
		drop_scratch(dir, ns, name);
}

int volume_is_dir_known(struct store *s, const char *ns, const char *name, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/%s/" VOLUME_SCRATCH, ns, name);
	AUTO(volume) struct volume v = VOLUME_INIT;
	int dir = store_dir(s, STORE_DIR_VOLUMES, e);
	bool dying;
	int r;

	if (dir < 0)
		return dir;
	if (str_starts(name, FS_NEW))
		return 0;
	r = row_get(&v, &dying, s, ns, name, e);
	if (r > 0)
		drop_scratch(dir, ns, name);
	return r != 0 ? r : faccessat(dir, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0;
}

int volume_get(struct volume *out, struct store *s, const char *ns,
	       const char *name, struct err *e)
{
	AUTO(volume) struct volume v = VOLUME_INIT;
	bool dying = false;
	int r = row_get(&v, &dying, s, ns, name, e);

	if (r == 0 || dying)
		return no_volume(name, e);
	if (r > 0)
		r = label_list(&v.labels, s, ns, LABEL_VOLUME, name, e);
	if (r < 0)
		return r;
	*out = v;
	v = (struct volume)VOLUME_INIT;
	return 0;
}

int volume_list(struct volumes *out, struct store *s, const char *ns, struct err *e)
{
	AUTO(volumes) struct volumes l = VOLUMES_INIT;
	int r;

	{
		AUTO(db_rows) sqlite3_stmt *st = NULL;
		bool dying;

		r = db_query(&st, s, SQL_VOLUME_LIST, ARGS(T(ns)), e);
		while (r >= 0 && (r = db_next(s, st, e)) > 0) {
			l.v = mem_grow(l.v, l.len + 1, sizeof(*l.v));
			from_row(&l.v[l.len++], &dying, st);
		}
	}
	for (size_t i = 0; i < l.len && r == 0; i++)
		r = label_list(&l.v[i].labels, s, ns, LABEL_VOLUME, l.v[i].name, e);
	if (r < 0)
		return r;
	*out = l;
	l = (struct volumes)VOLUMES_INIT;
	return 0;
}

static int doom(struct store *s, const char *ns, const char *name, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	AUTO(volume) struct volume v = VOLUME_INIT;
	AUTO(strv) struct strv users = STRV_INIT;
	bool dying = false;
	int r = store_begin(&tx, s, STORE_DURABLE, e);

	if (r == 0)
		r = row_get(&v, &dying, s, ns, name, e);
	if (r == 0)
		return no_volume(name, e);
	if (r > 0)
		r = volume_users(&users, s, ns, name, e);
	if (r == 0 && users.len)
		return err_set(e, EBUSY, "volume '%s' is in use by container %.12s", name,
			       users.v[0]);
	if (r == 0)
		r = db_run(s, SQL_VOLUME_DOOM, ARGS(T(ns), T(name)), e);
	return r < 0 ? r : store_commit(&tx, e);
}

int volume_remove(struct store *s, const char *ns, const char *name, struct err *e)
{
	int r = check_names(ns, name, e);

	assert(s->depth == 0);
	if (r < 0)
		return r;
	store_make_room(s);
	r = doom(s, ns, name, e);
	if (r == 0)
		r = failpoint("volume.doomed", e);
	return r < 0 ? r : bury(s, ns, name, e);
}

int volume_bury_dying(struct store *s, struct err *e)
{
	AUTO(strv) struct strv v = STRV_INIT;
	int r;

	{
		AUTO(db_rows) sqlite3_stmt *st = NULL;

		r = db_query(&st, s, SQL_VOLUME_DYING, NO_ARGS, e);
		while (r >= 0 && (r = db_next(s, st, e)) > 0) {
			strv_add(&v, db_peek(st, 0));
			strv_add(&v, db_peek(st, 1));
		}
	}
	for (size_t i = 0; i + 1 < v.len && r == 0; i += 2)
		r = bury(s, v.v[i], v.v[i + 1], e);
	return r;
}

int volume_open(struct store *s, const char *ns, const char *name, struct err *e)
{
	AUTO(volume) struct volume v = VOLUME_INIT;
	char path[VOLUME_PATH_MAX];
	int dir, r;

	r = volume_get(&v, s, ns, name, e);
	if (r < 0)
		return r;
	dir = store_dir(s, STORE_DIR_VOLUMES, e);
	if (dir < 0)
		return dir;
	snprintf(path, sizeof(path), "%s/%s/" DATA, ns, name);
	return fs_open_dir(dir, path, e);
}

char *volume_path(const struct store *s, const char *ns, const char *name)
{
	return mem_printf("%s/%s/%s/" DATA, store_dir_path(s, STORE_DIR_VOLUMES), ns, name);
}

int volume_use(struct store *s, const char *ns, const char *name,
	       const char *container, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	AUTO(volume) struct volume v = VOLUME_INIT;
	int r = store_begin(&tx, s, STORE_FAST, e);

	if (r == 0)
		r = volume_get(&v, s, ns, name, e);
	if (r == 0)
		r = db_run(s, SQL_VOLUME_USE, ARGS(T(ns), T(container), T(name)), e);
	return r < 0 ? r : store_commit(&tx, e);
}

int volume_users(struct strv *out, struct store *s, const char *ns,
		 const char *name, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, SQL_VOLUME_USERS, ARGS(T(ns), T(name)), e);

	while (r >= 0 && (r = db_next(s, st, e)) > 0)
		strv_add(out, db_peek(st, 0));
	return r;
}

int volume_prune(struct strv *removed, struct store *s, const char *ns,
		 bool all, struct err *e)
{
	AUTO(volumes) struct volumes l = VOLUMES_INIT;
	int r = volume_list(&l, s, ns, e);

	for (size_t i = 0; i < l.len && r == 0; i++) {
		if (l.v[i].users || (!all && !l.v[i].is_anonymous))
			continue;
		r = volume_remove(s, ns, l.v[i].name, e);
		if (r == 0)
			strv_add(removed, l.v[i].name);
		if (r == -EBUSY || r == -ENOENT) {	/* since we looked */
			err_clear(e);
			r = 0;
		}
	}
	return r;
}
