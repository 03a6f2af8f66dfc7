#include "lib/base/buf.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"

char buf_empty[1];

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf)BUF_INIT(max);
}

void buf_clear(struct buf *b)
{
	int saved = errno;

	if (b->cap)
		free(b->data);
	buf_init(b, b->max);
	errno = saved;
}

void buf_reset(struct buf *b)
{
	if (b->cap)
		b->data[0] = '\0';
	b->len = 0;
	b->full = false;
}

char *buf_room(struct buf *b, size_t len)
{
	size_t need;

	if (len > b->max || b->len > b->max - len) {
		b->full = true;
		return NULL;
	}
	need = b->len + len + 1;
	if (need > b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 64;

		if (cap < need)
			cap = need;
		b->data = mem_grow(b->cap ? b->data : NULL, cap, 1);
		b->cap = cap;
		b->data[b->len] = '\0';
	}
	return b->data + b->len;
}

int buf_add(struct buf *b, const void *data, size_t len)
{
	char *room = buf_room(b, len);

	if (!room)
		return -EFBIG;
	if (len)
		memcpy(room, data, len);
	room[len] = '\0';
	b->len += len;
	return 0;
}

int buf_adds(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_addc(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

int buf_addv(struct buf *b, const char *fmt, va_list args)
{
	va_list again;
	char *room;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return -EFBIG;
	room = buf_room(b, (size_t)n);
	if (!room)
		return -EFBIG;
	vsnprintf(room, (size_t)n + 1, fmt, args);
	b->len += (size_t)n;
	return 0;
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list args;
	int r;

	va_start(args, fmt);
	r = buf_addv(b, fmt, args);
	va_end(args);
	return r;
}

void buf_cut(struct buf *b, size_t len)
{
	if (len >= b->len)
		return;
	b->len = len;
	b->data[len] = '\0';
}

void buf_drop(struct buf *b, size_t len)
{
	if (!len)
		return;
	if (len > b->len)
		len = b->len;
	memmove(b->data, b->data + len, b->len - len + 1);
	b->len -= len;
}

char *buf_steal(struct buf *b)
{
	char *p = b->cap ? b->data : mem_strn("", 0);

	buf_init(b, b->max);
	return p;
}

int buf_ok(const struct buf *b, const char *what, struct err *e)
{
	if (b->full)
		return err_set(e, EFBIG, "%s: longer than %zu bytes",
			       what, b->max);
	return 0;
}
