#include "lib/store/wal.h"

#include <stdint.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"

#define HEADER_LEN 32
#define FRAME_LEN 24			/* and a page */
#define MAGIC 0x377f0682u		/* + 1: checksums of big-endian words */
#define MAX_PAGE KIB(64)

/* Where things are in the index that processes share. */
#define INDEX_SIZE KIB(32)
#define INDEX_PAGE 14			/* 16 bits */
#define INDEX_FRAMES 16
#define INDEX_SALT 32			/* as in the file */

struct wal {
	sqlite3_file *file;
	bool is_unreadable;
	uint32_t frames;		/* up to the last commit */
	unsigned char salt[8];
	unsigned char head[HEADER_LEN];
	size_t page_len;		/* 0: not known */
	bool is_big_endian;
};

struct sum {
	uint32_t a, b;
};

static uint32_t read_word(const unsigned char *p, bool is_big_endian)
{
	if (is_big_endian)
		return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static void sum_add(struct sum *s, const struct wal *w, const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i += 8) {
		s->a += read_word(data + i, w->is_big_endian) + s->b;
		s->b += read_word(data + i + 4, w->is_big_endian) + s->a;
	}
}

/* As files have it. */
static struct sum sum_stored(const unsigned char *p)
{
	return (struct sum){ read_word(p, true), read_word(p + 4, true) };
}

static bool sum_eq(struct sum a, struct sum b)
{
	return a.a == b.a && a.b == b.b;
}

/* False: it ends before, or is_unreadable. */
static bool read_at(struct wal *w, void *data, size_t len, sqlite3_int64 at)
{
	int r = w->file->pMethods->xRead(w->file, data, (int)len, at);

	w->is_unreadable |= r != SQLITE_OK && r != SQLITE_IOERR_SHORT_READ;
	return r == SQLITE_OK;
}

static sqlite3_int64 frame_at(const struct wal *w, uint32_t frame)
{
	return HEADER_LEN + (sqlite3_int64)frame * (sqlite3_int64)(FRAME_LEN + w->page_len);
}

static bool find_file(struct wal *w, sqlite3 *db)
{
	*w = (struct wal){ .file = NULL };
	return sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &w->file) ==
		       SQLITE_OK && w->file && w->file->pMethods;
}

/* What sqlite knows of it. */
static bool read_index(struct wal *w, sqlite3 *db)
{
	sqlite3_file *file = NULL;
	void volatile *shared = NULL;
	char index[INDEX_SALT + 8];
	uint16_t page;

	if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
	    !file->pMethods ||
	    file->pMethods->xShmMap(file, 0, INDEX_SIZE, 0, &shared) != SQLITE_OK || !shared)
		return false;
	for (size_t i = 0; i < sizeof(index); i++)
		index[i] = ((const volatile char *)shared)[i];
	memcpy(&page, index + INDEX_PAGE, sizeof(page));
	memcpy(&w->frames, index + INDEX_FRAMES, sizeof(w->frames));
	memcpy(w->salt, index + INDEX_SALT, sizeof(w->salt));
	w->page_len = page == 1 ? MAX_PAGE : page;
	return true;
}

static bool is_head_empty(const struct wal *w)
{
	static const unsigned char nothing[HEADER_LEN];

	return memcmp(w->head, nothing, HEADER_LEN) == 0;
}

/* Else page_len and byte order are known. */
static bool is_head_damaged(struct wal *w)
{
	uint32_t magic = read_word(w->head, true);
	struct sum s = { 0, 0 };

	w->is_big_endian = magic & 1;
	w->page_len = read_word(w->head + 8, true);
	sum_add(&s, w, w->head, HEADER_LEN - 8);
	return (magic & ~1u) != MAGIC || w->page_len < 512 || w->page_len > MAX_PAGE ||
	       !sum_eq(s, sum_stored(w->head + HEADER_LEN - 8));
}

static bool read_frame(struct wal *w, unsigned char frame[static FRAME_LEN], uint32_t i)
{
	return read_at(w, frame, FRAME_LEN, frame_at(w, i));
}

/* s: up to this one, whose page is yet to be read, then with it */
static bool is_frame_whole(struct sum *s, struct wal *w, uint32_t i,
			   const unsigned char *frame, unsigned char *page)
{
	if (!read_at(w, page, w->page_len, frame_at(w, i) + FRAME_LEN))
		return false;
	sum_add(s, w, frame, 8);
	sum_add(s, w, page, w->page_len);
	return memcmp(frame + 8, w->salt, sizeof(w->salt)) == 0 &&
	       sum_eq(*s, sum_stored(frame + FRAME_LEN - 8));
}

static bool ends_commit(const unsigned char *frame)
{
	return read_word(frame + 4, true) != 0;
}

/* As sqlite does, where it tells nobody. */
static void find_last_commit(struct wal *w, unsigned char *page)
{
	struct sum s = sum_stored(w->head + HEADER_LEN - 8);
	unsigned char frame[FRAME_LEN];

	memcpy(w->salt, w->head + 16, sizeof(w->salt));
	for (uint32_t i = 0; read_frame(w, frame, i) && is_frame_whole(&s, w, i, frame, page); i++)
		if (ends_commit(frame))
			w->frames = i + 1;
}

static enum wal_rest look_behind(struct wal *w, unsigned char *page)
{
	struct sum s = sum_stored(w->head + HEADER_LEN - 8);
	enum wal_rest rest = WAL_NONE;
	unsigned char frame[FRAME_LEN];
	bool is_whole = true;

	if (w->frames && read_frame(w, frame, w->frames - 1))
		s = sum_stored(frame + FRAME_LEN - 8);
	for (uint32_t i = w->frames; read_frame(w, frame, i); i++) {
		if (!is_whole && ends_commit(frame) &&
		    memcmp(frame + 8, w->salt, sizeof(w->salt)) == 0)
			return WAL_LOST;
		rest = WAL_USELESS;
		is_whole = is_whole && is_frame_whole(&s, w, i, frame, page);
	}
	return rest;
}

/* The file's own head, when the index does not tell all. */
static enum wal_rest look_from_head(struct wal *w, sqlite3_int64 *end, bool alone)
{
	AUTO_FREE unsigned char *page = NULL;
	unsigned char next;
	enum wal_rest rest;

	*end = 0;
	if (!read_at(w, w->head, HEADER_LEN, 0))
		return WAL_NONE;
	/* It is written before anything else. */
	if (is_head_empty(w))
		return read_at(w, &next, 1, HEADER_LEN) ? WAL_LOST : WAL_NONE;
	if (is_head_damaged(w))
		return WAL_DAMAGED;
	page = mem_zero(1, w->page_len);
	if (alone)
		find_last_commit(w, page);
	rest = look_behind(w, page);
	*end = frame_at(w, w->frames);
	return rest;
}

enum wal_rest wal_look(sqlite3_int64 *end, sqlite3 *db, bool alone)
{
	enum wal_rest rest = WAL_NONE;
	unsigned char next;
	struct wal w;

	if (!find_file(&w, db) || (!alone && !read_index(&w, db)))
		return WAL_NONE;
	/* Almost always the last commit is the end of the file. */
	if (!w.frames || !w.page_len || read_at(&w, &next, 1, frame_at(&w, w.frames)))
		rest = look_from_head(&w, end, alone);
	return w.is_unreadable ? WAL_UNREADABLE : rest;
}

bool wal_cut(sqlite3 *db, sqlite3_int64 end)
{
	struct wal w;

	return find_file(&w, db) && w.file->pMethods->xTruncate(w.file, end) == SQLITE_OK;
}
