/* buf.h - a byte string that grows up to a stated limit.
 *
 * data is never NULL and always ends in a NUL that len does not count, so a
 * buf is also a C string.  A buf that would outgrow its limit keeps what it
 * had and answers -EFBIG from then on; callers that build text may check
 * once, at the end, with buf_ok().
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

struct buf {
	char *data;
	size_t len;
	size_t cap;		/* 0: data is the shared empty string */
	size_t max;
	bool full;		/* something did not fit */
};

extern char buf_empty[1];

#define BUF_INIT(limit) { .data = buf_empty, .max = (limit) }

void buf_init(struct buf *b, size_t max);
void buf_clear(struct buf *b);			/* releases, reusable after */
void buf_reset(struct buf *b);			/* empty, keeps the memory */
int buf_add(struct buf *b, const void *data, size_t len);	/* 0 or -EFBIG */
int buf_adds(struct buf *b, const char *s);
int buf_addc(struct buf *b, char c);
int buf_addf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
int buf_addv(struct buf *b, const char *fmt, va_list args) PRINTF(2, 0);
void buf_cut(struct buf *b, size_t len);	/* shorten to len */
void buf_drop(struct buf *b, size_t len);	/* remove from the front */

/* Room for len more bytes at data + len, or NULL when it would not fit. */
char *buf_room(struct buf *b, size_t len) MUST_CHECK;

/* The memory as a C string that the caller frees; the buf is empty after. */
char *buf_steal(struct buf *b) MUST_CHECK;

/* 0, or -EFBIG with "WHAT: longer than N bytes". */
int buf_ok(const struct buf *b, const char *what, struct err *e) MUST_CHECK;

static inline void buf_auto(struct buf *b)
{
	buf_clear(b);
}
