#include "lib/store/store.h"

#include <stdio.h>
#include <sys/stat.h>
#include <string.h>

#include "lib/base/failpoint.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/fstype.h"
#include "lib/store/content.h"
#include "lib/store/db.h"
#include "lib/store/layout.h"
#include "lib/store/rows.h"
#include "lib/store/wal.h"

#define ENOUGH KIB(256)			/* for what a removal writes down */
#define PLENTY MIB(512)
#define PLENTY_FILES 1000u

/* Before anything is written over what lies behind the last commit. */
static int settle_log(struct store *s, struct err *e)
{
	const char *root = s->paths[STORE_DIR_ROOT];
	sqlite3_int64 end;
	enum wal_rest rest = wal_look(&end, s->db, s->is_alone);

	if (rest == WAL_NONE)
		return 0;
	if (rest == WAL_UNREADABLE)
		return err_set(e, EIO, "'%s/" META_DB "-wal' cannot be read", root);
	if (rest == WAL_DAMAGED || (rest == WAL_LOST && !s->is_new_boot))
		return err_hint(e, err_set(e, EUCLEAN, "'%s/" META_DB "-wal' is damaged: changes "
					   "that it holds cannot be read", root), "store.lost");
	if (!wal_cut(s->db, end))
		return err_set(e, EIO, "'%s/" META_DB "-wal' cannot be cut", root);
	if (rest == WAL_LOST)
		strv_addf(&s->notices, "the machine was restarted: the last changes of '%s' were "
			  "not on the disk yet, and are lost", root);
	return 0;
}

static int begin_first(struct store *s, struct err *e)
{
	struct err ignored = ERR_INIT;
	int r = db_run(s, SQL_BEGIN, NO_ARGS, e);

	if (r < 0)
		return r;
	r = settle_log(s, e);
	if (r < 0)
		(void)!db_run(s, SQL_ROLLBACK, NO_ARGS, &ignored);
	return r;
}

int store_begin(struct store_tx *out, struct store *s, enum store_sync sync,
		struct err *e)
{
	bool full = sync == STORE_DURABLE;
	int r;

	if (s->is_read_only)
		return err_hint(e, err_set(e, EROFS, "'%s' can only be read",
					   s->paths[STORE_DIR_ROOT]), "store.read-only");
	if (s->depth == 0) {
		if (s->is_sync_full != full) {
			r = db_run(s, full ? SQL_SYNC_FULL : SQL_SYNC_NORMAL, NO_ARGS, e);
			if (r < 0)
				return r;
			s->is_sync_full = full;
		}
		r = begin_first(s, e);
		if (r < 0)
			return r;
		s->is_doomed = false;
	}
	s->depth++;
	out->store = s;
	return 0;
}

void store_rollback(struct store_tx *tx)
{
	struct err ignored = ERR_INIT;
	struct store *s = tx->store;

	if (!s)
		return;
	tx->store = NULL;
	s->is_doomed = true;
	if (--s->depth > 0)
		return;
	s->is_index_stale = false;
	/* sqlite may have rolled back by itself (disk full). */
	if (!sqlite3_get_autocommit(s->db))
		(void)!db_run(s, SQL_ROLLBACK, NO_ARGS, &ignored);
}

/* What was asked for is done; the index is a view of it, and the next GC writes
 * it again. */
static void refresh_index(struct store *s)
{
	struct err e = ERR_INIT;
	int r = failpoint("tx.committed", &e);

	if (r == 0 && s->is_index_due)
		r = layout_write_index(s, &e);
	s->is_index_due = false;
	if (r < 0)
		strv_addf(&s->notices, "index.json was not written: %s", e.text);
}

int store_commit(struct store_tx *tx, struct err *e)
{
	struct store *s = tx->store;
	int r;

	if (s->is_doomed) {
		store_rollback(tx);
		return err_set(e, ECANCELED, "a part of the transaction failed");
	}
	if (s->depth > 1) {
		s->depth--;
		tx->store = NULL;
		return 0;
	}
	r = failpoint("tx.commit", e);
	if (r == 0)
		r = db_run(s, SQL_COMMIT, NO_ARGS, e);
	if (r < 0) {
		store_rollback(tx);
		return r;
	}
	s->depth = 0;
	tx->store = NULL;
	s->is_index_due |= s->is_index_stale;
	s->is_index_stale = false;
	if (!s->index_holds)
		refresh_index(s);
	return 0;
}

void store_hold_index(struct store_hold *out, struct store *s)
{
	s->index_holds++;
	out->store = s;
}

void store_hold_auto(struct store_hold *h)
{
	if (h->store && --h->store->index_holds == 0)
		refresh_index(h->store);
	h->store = NULL;
}

/* name may have slashes. */
static int remove_here(int dirfd, const char *name, struct err *e)
{
	const char *slash = strrchr(name, '/');
	AUTO_FREE char *above = slash ? mem_strn(name, (size_t)(slash - name)) : mem_str(".");
	AUTO_FD int fd = fs_open_dir(dirfd, above, e);

	return fd < 0 ? fd : fs_rmtree(fd, slash ? slash + 1 : name, e);
}

int store_trash(struct store *s, int dirfd, const char *name, struct err *e)
{
	int trash = store_dir(s, STORE_DIR_TRASH, e);
	char to[96];
	int r;

	if (trash < 0)
		return trash;
	r = failpoint("trash.rename", e);
	if (r < 0)
		return r;
	snprintf(to, sizeof(to), "%llx-%d-%u", (unsigned long long)clock_wall_ns(),
		 (int)getpid(), s->trash_serial++);
	if (renameat(dirfd, name, trash, to) == 0 || errno == ENOENT)
		return 0;
	/* A directory takes part in its move: it must be writable to us. */
	if (errno == EACCES && fchmodat(dirfd, name, 0700, 0) == 0 &&
	    renameat(dirfd, name, trash, to) == 0)
		return 0;
	/* The trash of a split store is on another file system. */
	if (errno == EXDEV)
		return remove_here(dirfd, name, e);
	return err_sys(e, "move '%s' to the trash", name);
}

int store_fresh_dir(struct store *s, int dirfd, const char *name, struct err *e)
{
	int r;

	if (mkdirat(dirfd, name, 0700) < 0) {
		if (errno != EEXIST)
			return err_sys(e, "make directory '%s'", name);
		r = store_trash(s, dirfd, name, e);
		if (r < 0)
			return r;
		if (mkdirat(dirfd, name, 0700) < 0)
			return err_sys(e, "make directory '%s'", name);
	}
	return fs_open_dir(dirfd, name, e);
}

bool store_has_room(struct store *s)
{
	struct err ignored = ERR_INIT;
	int root = store_dir(s, STORE_DIR_ROOT, &ignored);
	struct fstype_room room;
	AUTO_FD int fd = -1;
	int r;

	/* To try costs more than the rest of a removal. */
	fstype_room(&room, root);
	if (room.bytes >= PLENTY && room.files >= PLENTY_FILES)
		return true;
	fd = openat(root, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	r = fd < 0 ? -1 : fallocate(fd, 0, 0, ENOUGH);
	return r == 0 || (errno != ENOSPC && errno != EDQUOT);
}

void store_make_room(struct store *s)
{
	struct err ignored = ERR_INIT;
	int root = store_dir(s, STORE_DIR_ROOT, &ignored);

	if (s->is_read_only || store_has_room(s))
		return;
	/* Some have it back only when they have synced. */
	if (unlinkat(root, STORE_BALLAST_FILE, 0) == 0)
		(void)syncfs(root);
}

void store_keep_room(struct store *s)
{
	struct err ignored = ERR_INIT;
	int root = store_dir(s, STORE_DIR_ROOT, &ignored);
	struct fstype_room room;
	AUTO_FD int fd = -1;

	fstype_room(&room, root);
	if (s->is_read_only || room.bytes < 8 * STORE_BALLAST)
		return;
	fd = openat(root, STORE_BALLAST_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0 && fallocate(fd, 0, 0, (off_t)STORE_BALLAST) < 0)
		(void)unlinkat(root, STORE_BALLAST_FILE, 0);
}

/* --- namespaces --- */

int store_use_ns(struct store *s, const char *ns, struct err *e)
{
	int r;

	if (!str_is_name(ns))
		return err_set(e, EINVAL, "bad namespace '%s'", ns);
	if (str_eq(ns, STORE_NS_DEFAULT))
		return 0;
	r = db_run(s, SQL_NS_ADD, ARGS(T(ns), I(clock_wall_ns())), e);
	return r < 0 ? r : 0;
}

int store_ns_create(struct store *s, const char *ns, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int r = store_begin(&tx, s, STORE_FAST, e);

	if (r == 0)
		r = store_use_ns(s, ns, e);
	return r < 0 ? r : store_commit(&tx, e);
}

int store_ns_list(struct strv *out, struct store *s, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, SQL_NS_LIST, NO_ARGS, e);

	while (r >= 0 && (r = db_next(s, st, e)) > 0)
		strv_add(out, db_peek(st, 0));
	return r;
}

int store_ns_remove(struct store *s, const char *ns, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int64_t used = 0;
	int r = store_begin(&tx, s, STORE_FAST, e);

	if (r == 0)
		r = db_one(&used, s, SQL_NS_USED, ARGS(T(ns)), e);
	if (r < 0)
		return r;
	if (used)
		return err_set(e, EBUSY, "namespace '%s' is not empty", ns);
	r = db_run(s, SQL_LABEL_DELETE_ALL, ARGS(I(LABEL_NAMESPACE), T(ns), T("")), e);
	if (r >= 0)
		r = db_run(s, SQL_NS_DELETE, ARGS(T(ns)), e);
	if (r == 0 && !str_eq(ns, STORE_NS_DEFAULT))
		return err_set(e, ENOENT, "no namespace '%s'", ns);
	return r < 0 ? r : store_commit(&tx, e);
}

/* --- labels --- */

int label_list(struct strv *out, struct store *s, const char *ns,
	       enum label_kind kind, const char *object, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, SQL_LABEL_LIST, ARGS(I(kind), T(ns), T(object)), e);

	while (r >= 0 && (r = db_next(s, st, e)) > 0)
		strv_addf(out, "%s=%s", db_peek(st, 0), db_peek(st, 1));
	return r;
}

int label_set(struct store *s, const char *ns, enum label_kind kind,
	      const char *object, const char *key, const char *value,
	      struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int r;

	if (str_is_empty(key) || strchr(key, '='))
		return err_set(e, EINVAL, "bad label name '%s'", key);
	r = store_begin(&tx, s, STORE_FAST, e);
	if (r == 0)
		r = store_use_ns(s, ns, e);
	if (r < 0)
		return r;
	if (value)
		r = db_run(s, SQL_LABEL_SET,
			   ARGS(I(kind), T(ns), T(object), T(key), T(value)), e);
	else
		r = db_run(s, SQL_LABEL_DELETE, ARGS(I(kind), T(ns), T(object), T(key)), e);
	return r < 0 ? r : store_commit(&tx, e);
}

/* The name ends at the first '='; *value is NULL where there is none. */
static char *split_label(const char *text, const char **value)
{
	const char *eq = strchr(text, '=');

	*value = eq ? eq + 1 : NULL;
	return eq ? mem_strn(text, (size_t)(eq - text)) : mem_str(text);
}

int label_change(struct store *s, const char *ns, enum label_kind kind,
		 const char *object, const struct strv *v, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int r = store_begin(&tx, s, STORE_FAST, e);

	for (size_t i = 0; r == 0 && i < v->len; i++) {
		const char *value;
		AUTO_FREE char *key = split_label(v->v[i], &value);

		r = label_set(s, ns, kind, object, key, str_is_empty(value) ? NULL : value, e);
	}
	if (r == 0 && kind == LABEL_CONTAINER)
		r = container_save_row(s, ns, object, e);
	return r < 0 ? r : store_commit(&tx, e);
}

int label_set_all(struct store *s, const char *ns, enum label_kind kind,
		  const char *object, const struct strv *labels, struct err *e)
{
	for (size_t i = 0; i < labels->len; i++) {
		const char *value;
		AUTO_FREE char *key = split_label(labels->v[i], &value);
		int r = label_set(s, ns, kind, object, key, value ? value : "", e);

		if (r < 0)
			return r;
	}
	return 0;
}

/* --- usage --- */

/* One row of counts; column i goes to *out[i]. */
static int counts(struct store *s, enum sql q, const char *ns, uint64_t **out,
		  size_t len, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	struct db_arg arg = T(ns);
	int r = db_query(&st, s, q, &arg, ns ? 1 : 0, e);

	if (r == 0)
		r = db_next(s, st, e);
	for (size_t i = 0; r > 0 && i < len; i++)
		*out[i] = db_u64(st, (int)i);
	return r < 0 ? r : 0;
}

int store_usage(struct store_usage *out, struct store *s, const char *ns,
		struct err *e)
{
	struct store_usage u = { 0 };
	const struct {
		enum sql q;
		const char *ns;
		uint64_t *to[4];
	} rows[] = {
		{ SQL_USAGE_IMAGES, ns, { &u.images, &u.images_active } },
		{ SQL_USAGE_CONTAINERS, ns, { &u.containers, &u.containers_running } },
		{ SQL_USAGE_VOLUMES, ns, { &u.volumes, &u.volumes_active } },
		{ SQL_USAGE_BLOBS, NULL, { &u.blobs, &u.blob_bytes } },
		{ SQL_USAGE_LAYERS, NULL,
		  { &u.layers, &u.layer_bytes, &u.layer_inodes, &u.layer_bytes_unused } },
		{ SQL_USAGE_ACTIVE, NULL, { &u.active_bytes } },
		{ SQL_USAGE_INGESTS, NULL, { &u.ingests } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t *to[4];
		size_t len = 0;
		int r;

		while (len < 4 && rows[i].to[len]) {
			to[len] = rows[i].to[len];
			len++;
		}
		r = counts(s, rows[i].q, rows[i].ns, to, len, e);
		if (r < 0)
			return r;
	}
	*out = u;
	return 0;
}
