/* db.h - sqlite as the rest of lib/store sees it, and struct store itself.
 *
 * Inside lib/store only.  A statement is prepared when first used and kept.
 * Rows are read by
 *
 *	AUTO(db_rows) sqlite3_stmt *st = NULL;
 *
 *	r = db_query(&st, s, SQL_X, ARGS(T(name), I(5)), e);
 *	while (r >= 0 && (r = db_next(s, st, e)) > 0)
 *		... db_int(st, 0) ...
 *
 * One statement is never in use twice at a time: inside such a loop only
 * other statements are used.  Text arguments must live until the statement is
 * run.
 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/proc.h"
#include "lib/fmt/digest.h"
#include "lib/store/sql.h"
#include "lib/store/store.h"

#define META_DB "meta.db"

/* A blob that is named and waits for content_barrier(). */
struct pending_blob {
	struct digest digest;
	uint64_t size;
	char ref[DIGEST_TEXT_MAX];	/* its ingest row */
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *st[SQL_COUNT];
	uint64_t busy_since;		/* of the call that waits now */
	int lock_fd;
	int dirs[STORE_DIR_COUNT];
	char *paths[STORE_DIR_COUNT];
	bool is_read_only;
	bool is_split;
	bool is_alone;			/* sqlite shares no memory with others */
	bool is_new_boot;		/* the power may have been cut */
	bool is_sync_full;		/* what the connection is set to */
	int depth;			/* of open transactions */
	bool is_doomed;			/* one inside another failed */
	bool is_index_stale;		/* index.json, once committed */
	bool is_index_due;		/* and that happened */
	unsigned index_holds;
	unsigned trash_serial;
	struct proc_id self;		/* pid 0: not asked yet */
	uint64_t pidns;
	char boot[BOOT_ID_LEN + 1];
	struct strv notices;
	struct pending_blob *pending;
	size_t pending_count;
};

struct db_arg {
	enum { ARG_TEXT, ARG_INT, ARG_DIGEST } type;
	const char *text;		/* NULL: SQL NULL */
	int64_t number;
	const struct digest *digest;	/* unset: SQL NULL */
};

#define T(v) ((struct db_arg){ .type = ARG_TEXT, .text = (v) })
#define I(v) ((struct db_arg){ .type = ARG_INT, .number = (int64_t)(v) })
#define D(v) ((struct db_arg){ .type = ARG_DIGEST, .digest = (v) })
#define ARGS(...)							\
	((const struct db_arg[]){ __VA_ARGS__ }),			\
	(sizeof((const struct db_arg[]){ __VA_ARGS__ }) / sizeof(struct db_arg))
#define NO_ARGS NULL, 0

int db_open(struct store *s, const char *path, bool read_only,
	    struct err *e) MUST_CHECK;
void db_close(struct store *s);

/* Moves the log into the database, unless somebody reads there or there is no
 * room.  An error: what was written could not be synced. */
int db_checkpoint(struct store *s, struct err *e) MUST_CHECK;

/* A whole script without arguments: the schema. */
int db_script(struct store *s, const char *sql, struct err *e) MUST_CHECK;

int db_query(sqlite3_stmt **out, struct store *s, enum sql q,
	     const struct db_arg *args, size_t count, struct err *e) MUST_CHECK;
int db_next(struct store *s, sqlite3_stmt *st, struct err *e) MUST_CHECK; /* 1, 0 */

/* Runs to its end; returns the number of rows that changed. */
int db_run(struct store *s, enum sql q, const struct db_arg *args,
	   size_t count, struct err *e) MUST_CHECK;

/* The first column of the first row; -ENOENT when there is none. */
int db_one(int64_t *out, struct store *s, enum sql q,
	   const struct db_arg *args, size_t count, struct err *e) MUST_CHECK;

int64_t db_int(sqlite3_stmt *st, int column);
uint64_t db_u64(sqlite3_stmt *st, int column);
char *db_text(sqlite3_stmt *st, int column) MUST_CHECK;	/* a copy; NULL */
const char *db_peek(sqlite3_stmt *st, int column);	/* until the next step; never NULL */

/* NULL gives the unset digest; -EBADMSG. */
int db_digest(struct digest *out, sqlite3_stmt *st, int column,
	      struct err *e) MUST_CHECK;

static inline void db_rows_auto(sqlite3_stmt **st)
{
	if (*st)
		(void)sqlite3_reset(*st);
	*st = NULL;
}

/* --- shared by the files of lib/store --- */

int store_self(struct store *s, struct err *e) MUST_CHECK;	/* fills s->self */
int store_use_ns(struct store *s, const char *ns, struct err *e) MUST_CHECK;

/* Frees the trash of a name below dirs[d] and puts an empty 0700 directory
 * there; the descriptor is the caller's.  For names that nobody else makes. */
int store_fresh_dir(struct store *s, int dirfd, const char *name,
		    struct err *e) MUST_CHECK;

/* In the root while a database is made again: nobody else opens it.  Holds what
 * index.json was. */
#define STORE_REBUILDING "rebuilding"

/* Free space for deletes on a full disk: STORE_BALLAST_FILE is given up when
 * nothing can be written, and made again when there is plenty. */
#define STORE_BALLAST MIB(2)
void store_make_room(struct store *s);

/* By trying, when little is free: file systems do not tell all they keep back. */
bool store_has_room(struct store *s);
void store_keep_room(struct store *s);

/* Labels of a new object, "key=value". */
int label_set_all(struct store *s, const char *ns, enum label_kind kind,
		  const char *object, const struct strv *labels,
		  struct err *e) MUST_CHECK;

/* Is the process that lease row holds gone (or its time over)? */
int lease_is_void(struct store *s, int64_t lease, struct proc_id *owner,
		  struct err *e) MUST_CHECK;
