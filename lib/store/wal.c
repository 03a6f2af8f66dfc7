#include "lib/store/wal.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"

#define HEADER_LEN 32
#define FRAME_LEN 24			/* and a page */
#define MAGIC 0x377f0682u		/* + 1: checksums of big-endian words */
#define MAX_PAGE KIB(64)

/* Where things are in the index that processes share, in words. */
#define INDEX_SIZE KIB(32)
#define INDEX_FRAMES 4
#define INDEX_SALT 8

struct wal {
	sqlite3_file *file;
	uint32_t frames;		/* up to the last commit */
	uint32_t salt[2];		/* as its bytes are */
	unsigned char head[HEADER_LEN];
	size_t page_len;
	bool is_big_endian;
};

struct sum {
	uint32_t a, b;
};

static uint32_t word(const unsigned char *p, bool is_big_endian)
{
	if (is_big_endian)
		return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static void add(struct sum *s, const struct wal *w, const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i += 8) {
		s->a += word(data + i, w->is_big_endian) + s->b;
		s->b += word(data + i + 4, w->is_big_endian) + s->a;
	}
}

/* As files have it. */
static struct sum stored_sum(const unsigned char *p)
{
	return (struct sum){ word(p, true), word(p + 4, true) };
}

static bool is_same(struct sum a, struct sum b)
{
	return a.a == b.a && a.b == b.b;
}

static bool read_at(const struct wal *w, void *data, size_t len, sqlite3_int64 at)
{
	return w->file->pMethods->xRead(w->file, data, (int)len, at) == SQLITE_OK;
}

static sqlite3_int64 frame_at(const struct wal *w, uint32_t frame)
{
	return HEADER_LEN + (sqlite3_int64)frame * (sqlite3_int64)(FRAME_LEN + w->page_len);
}

/* What sqlite knows of it.  False: there is none. */
static bool open_wal(struct wal *w, sqlite3 *db)
{
	sqlite3_file *file = NULL;
	void volatile *shared = NULL;
	const volatile uint32_t *index;

	*w = (struct wal){ .file = NULL };
	if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
	    sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &w->file) != SQLITE_OK ||
	    !file->pMethods || !w->file || !w->file->pMethods ||
	    file->pMethods->xShmMap(file, 0, INDEX_SIZE, 0, &shared) != SQLITE_OK || !shared)
		return false;
	index = shared;
	w->frames = index[INDEX_FRAMES];
	w->salt[0] = index[INDEX_SALT];
	w->salt[1] = index[INDEX_SALT + 1];
	return read_at(w, w->head, HEADER_LEN, 0);
}

/* Never written, as after a power cut, is not damaged. */
static bool is_head_damaged(struct wal *w)
{
	static const unsigned char nothing[HEADER_LEN];
	uint32_t magic = word(w->head, true);
	struct sum s = { 0, 0 };

	if (memcmp(w->head, nothing, HEADER_LEN) == 0)
		return false;
	w->is_big_endian = magic & 1;
	w->page_len = word(w->head + 8, true);
	add(&s, w, w->head, HEADER_LEN - 8);
	return (magic & ~1u) != MAGIC || w->page_len < 512 || w->page_len > MAX_PAGE ||
	       !is_same(s, stored_sum(w->head + HEADER_LEN - 8));
}

/* The sum up to the last commit. */
static bool begin_sum(struct sum *s, const struct wal *w)
{
	unsigned char frame[FRAME_LEN];

	*s = stored_sum(w->head + HEADER_LEN - 8);
	if (!w->frames)
		return true;
	if (!read_at(w, frame, FRAME_LEN, frame_at(w, w->frames - 1)))
		return false;
	*s = stored_sum(frame + FRAME_LEN - 8);
	return true;
}

static enum wal_rest look_behind(const struct wal *w, struct sum s, unsigned char *page)
{
	enum wal_rest rest = WAL_NONE;
	bool is_whole = true;
	unsigned char frame[FRAME_LEN];

	for (uint32_t i = w->frames; read_at(w, frame, FRAME_LEN, frame_at(w, i)); i++) {
		bool is_ours = memcmp(frame + 8, w->salt, 8) == 0;
		bool ends_commit = word(frame + 4, true) != 0;

		if (!is_whole && is_ours && ends_commit)
			return WAL_LOST;
		if (is_ours)
			rest = WAL_KILLED;
		if (!is_whole)
			continue;
		is_whole = is_ours && read_at(w, page, w->page_len, frame_at(w, i) + FRAME_LEN);
		add(&s, w, frame, 8);
		add(&s, w, page, w->page_len);
		is_whole &= is_same(s, stored_sum(frame + FRAME_LEN - 8));
	}
	return rest;
}

enum wal_rest wal_look(sqlite3 *db)
{
	AUTO_FREE unsigned char *page = NULL;
	unsigned char next;
	struct wal w;
	struct sum s;

	if (!open_wal(&w, db))
		return WAL_NONE;
	if (is_head_damaged(&w))
		return WAL_DAMAGED;
	if (!w.page_len || !read_at(&w, &next, 1, frame_at(&w, w.frames)) || !begin_sum(&s, &w))
		return WAL_NONE;
	page = mem_zero(1, w.page_len);
	return look_behind(&w, s, page);
}

void wal_cut(sqlite3 *db)
{
	struct wal w;

	if (open_wal(&w, db) && !is_head_damaged(&w) && w.page_len)
		(void)w.file->pMethods->xTruncate(w.file, frame_at(&w, w.frames));
}
