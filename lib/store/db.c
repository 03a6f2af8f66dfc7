#include "lib/store/db.h"

#include <string.h>
#include <time.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

#define BUSY_LIMIT_NS (30 * NS_PER_S)
#define BUSY_STEP_NS (100 * 1000u)
#define CHECKPOINT_PAGES 256			/* of 4 KiB: 1 MiB */

#define SQL_TEXT(name, text) [SQL_##name] = text,
static const char *const statements[SQL_COUNT] = {
	SQL_STATEMENTS(SQL_TEXT)
};

/* What sqlite says, as one of ours. */
static int db_error(struct store *s, struct err *e)
{
	int code = sqlite3_errcode(s->db);
	int sys = sqlite3_system_errno(s->db);
	const char *text = sqlite3_errmsg(s->db);

	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(e, EBUSY, "database: %s", text);
	case SQLITE_FULL:
		return err_set(e, ENOSPC, "database: no space left on device");
	case SQLITE_READONLY:
		return err_set(e, EROFS, "database: %s", text);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return err_hint(e, err_set(e, EBADMSG, "database is damaged: %s", text),
				"store.lost");
	case SQLITE_CONSTRAINT:
		return err_set(e, EEXIST, "database: %s", text);
	case SQLITE_CANTOPEN:
		return err_set(e, sys ? sys : ENOENT, "database: %s",
			       sys ? str_errno(sys) : text);
	case SQLITE_IOERR:
		return err_set(e, sys ? sys : EIO, "database: %s",
			       sys ? str_errno(sys) : text);
	default:
		return err_set(e, EIO, "database: %s (%d)", text, code);
	}
}

/* sqlite asks when another process holds the lock.  Waiting times grow and
 * differ between processes, so that a crowd does not move in step. */
static int on_busy(void *arg, int tries)
{
	struct store *s = arg;
	uint64_t now = clock_mono_ns();
	uint64_t step = BUSY_STEP_NS << (tries < 6 ? tries : 6);
	struct timespec ts = { 0 };

	if (tries == 0)
		s->busy_since = now;
	if (now - s->busy_since > BUSY_LIMIT_NS)
		return 0;
	ts.tv_nsec = (long)(step / 2 + (now / 16 + (uint64_t)getpid() * 7919) % step);
	(void)nanosleep(&ts, NULL);
	return 1;
}

/* A log that was only copied starts anew for a process that writes again, but
 * ours end: it is cut.  Who reads just now keeps it for the next one. */
static int checkpoint(struct store *s)
{
	int code;

	(void)sqlite3_busy_handler(s->db, NULL, NULL);
	code = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	(void)sqlite3_busy_handler(s->db, on_busy, s);
	return code;
}

int db_checkpoint(struct store *s, struct err *e)
{
	return checkpoint(s) == SQLITE_IOERR_FSYNC ? db_error(s, e) : 0;
}

static int on_commit(void *arg, sqlite3 *db UNUSED, const char *name UNUSED, int pages)
{
	if (pages >= CHECKPOINT_PAGES)
		(void)checkpoint(arg);
	return SQLITE_OK;
}

int db_open(struct store *s, const char *path, bool read_only, struct err *e)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
		    (read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
	int on = 1;
	int r;

	/* No threads here: no mutexes, no statistics.  Refused, and no harm
	 * done, when somebody in this process opened a database before. */
	(void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK) {
		r = s->db ? db_error(s, e) : err_set(e, ENOMEM, "database: out of memory");
		db_close(s);
		return r;
	}
	(void)sqlite3_busy_handler(s->db, on_busy, s);
	/* Every call is the last connection; see DESIGN.md section 4. */
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	(void)sqlite3_file_control(s->db, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
	(void)sqlite3_wal_hook(s->db, on_commit, s);
	s->is_sync_full = true;
	return 0;
}

void db_close(struct store *s)
{
	for (size_t i = 0; i < SQL_COUNT; i++) {
		(void)sqlite3_finalize(s->st[i]);
		s->st[i] = NULL;
	}
	(void)sqlite3_close(s->db);
	s->db = NULL;
}

int db_script(struct store *s, const char *sql, struct err *e)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_error(s, e);
}

static int bind(sqlite3_stmt *st, int at, const struct db_arg *a)
{
	char text[DIGEST_TEXT_MAX];

	switch (a->type) {
	case ARG_TEXT:
		return sqlite3_bind_text(st, at, a->text, -1, SQLITE_STATIC);
	case ARG_INT:
		return sqlite3_bind_int64(st, at, a->number);
	case ARG_DIGEST:
		if (!a->digest || !digest_is_set(a->digest))
			return sqlite3_bind_null(st, at);
		digest_print(a->digest, text);
		return sqlite3_bind_text(st, at, text, -1, SQLITE_TRANSIENT);
	}
	return SQLITE_MISUSE;
}

int db_query(sqlite3_stmt **out, struct store *s, enum sql q,
	     const struct db_arg *args, size_t count, struct err *e)
{
	sqlite3_stmt *st = s->st[q];

	if (!st) {
		if (sqlite3_prepare_v3(s->db, statements[q], -1,
				       SQLITE_PREPARE_PERSISTENT, &st,
				       NULL) != SQLITE_OK)
			return db_error(s, e);
		s->st[q] = st;
	}
	for (size_t i = 0; i < count; i++)
		if (bind(st, (int)i + 1, &args[i]) != SQLITE_OK)
			return db_error(s, e);
	*out = st;
	return 0;
}

int db_next(struct store *s, sqlite3_stmt *st, struct err *e)
{
	int code = sqlite3_step(st);

	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE)
		return 0;
	return db_error(s, e);
}

int db_run(struct store *s, enum sql q, const struct db_arg *args,
	   size_t count, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, q, args, count, e);

	while (r >= 0 && (r = db_next(s, st, e)) > 0)
		continue;
	return r < 0 ? r : sqlite3_changes(s->db);
}

int db_one(int64_t *out, struct store *s, enum sql q,
	   const struct db_arg *args, size_t count, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int64_t value;
	int r = db_query(&st, s, q, args, count, e);

	if (r < 0)
		return r;
	r = db_next(s, st, e);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(e, ENOENT, "database: no such row");
	value = db_int(st, 0);
	/* To the end: RETURNING does its work only then. */
	r = db_next(s, st, e);
	if (r < 0)
		return r;
	*out = value;
	return 0;
}

int64_t db_int(sqlite3_stmt *st, int column)
{
	return sqlite3_column_int64(st, column);
}

uint64_t db_u64(sqlite3_stmt *st, int column)
{
	return (uint64_t)sqlite3_column_int64(st, column);
}

/* NULL is the column's own, and not that there was no memory for its text. */
static const char *text_of(sqlite3_stmt *st, int column)
{
	if (sqlite3_column_type(st, column) == SQLITE_NULL)
		return NULL;
	return mem_check((void *)sqlite3_column_text(st, column));
}

const char *db_peek(sqlite3_stmt *st, int column)
{
	const char *text = text_of(st, column);

	return text ? text : "";
}

char *db_text(sqlite3_stmt *st, int column)
{
	return mem_str(text_of(st, column));
}

int db_digest(struct digest *out, sqlite3_stmt *st, int column, struct err *e)
{
	const char *text = text_of(st, column);

	if (!text) {
		*out = (struct digest){ .alg = DIGEST_NONE };
		return 0;
	}
	if (digest_parse(out, text, strlen(text), e) < 0) {
		err_clear(e);
		return err_set(e, EBADMSG, "database is damaged: '%.80s' is not a digest",
			       text);
	}
	return 0;
}
