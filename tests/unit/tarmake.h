/* tarmake.h - writes tars for tests, well-formed or not. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"

#define TARMAKE_MAX MIB(64)

struct tar_entry {
	char type;		/* as in the header: '0' file, '5' directory ... */
	const char *name;
	const char *text;	/* contents, or where a link leads */
	unsigned mode;		/* 0: 0644, 0755 of directories */
	unsigned uid;
	unsigned gid;
	unsigned major, minor;
};

static inline void tar_raw(struct buf *b, const struct tar_entry *t, size_t size)
{
	unsigned char h[512] = { 0 };
	unsigned mode = t->mode ? t->mode : t->type == '5' ? 0755 : 0644;
	unsigned sum = 0;
	size_t len = strlen(t->name);

	memcpy(h, t->name, len < 100 ? len : 100);
	snprintf((char *)h + 100, 8, "%07o", mode & 07777);
	snprintf((char *)h + 108, 8, "%07o", t->uid);
	snprintf((char *)h + 116, 8, "%07o", t->gid);
	snprintf((char *)h + 124, 12, "%011lo", (unsigned long)size);
	snprintf((char *)h + 136, 12, "%011o", 1000000000);
	memset(h + 148, ' ', 8);
	h[156] = (unsigned char)t->type;
	if ((t->type == '1' || t->type == '2') && t->text)
		memcpy(h + 157, t->text, strlen(t->text) < 100 ? strlen(t->text) : 100);
	memcpy(h + 257, "ustar\00000", 8);
	snprintf((char *)h + 329, 8, "%07o", t->major & 07777777);
	snprintf((char *)h + 337, 8, "%07o", t->minor & 07777777);
	for (size_t i = 0; i < sizeof(h); i++)
		sum += h[i];
	snprintf((char *)h + 148, 8, "%06o", sum & 0777777);
	buf_add(b, h, sizeof(h));
}

static inline void tar_data(struct buf *b, const void *data, size_t size)
{
	static const char zeros[512];

	buf_add(b, data, size);
	if (size % 512)
		buf_add(b, zeros, 512 - size % 512);
}

/* A pax header with one record, for the entry that follows. */
static inline void tar_pax(struct buf *b, const char *key, const void *value,
			   size_t len)
{
	static const struct tar_entry e = { 'x', "pax", NULL, 0644, 0, 0, 0, 0 };
	size_t body = strlen(key) + len + 3, total = body + 1;
	AUTO(buf) struct buf rec = BUF_INIT(TARMAKE_MAX);
	char number[24];

	while ((size_t)snprintf(number, sizeof(number), "%zu", total) + body != total)
		total = (size_t)snprintf(number, sizeof(number), "%zu", total) + body;
	buf_addf(&rec, "%zu %s=", total, key);
	buf_add(&rec, value, len);
	buf_addc(&rec, '\n');
	tar_raw(b, &e, rec.len);
	tar_data(b, rec.data, rec.len);
}

static inline void tar_add(struct buf *b, const struct tar_entry *t)
{
	size_t size = t->type == '0' && t->text ? strlen(t->text) : 0;

	if (strlen(t->name) > 100)
		tar_pax(b, "path", t->name, strlen(t->name));
	tar_raw(b, t, size);
	if (size)
		tar_data(b, t->text, size);
}

static inline void tar_end(struct buf *b)
{
	static const char zeros[1024];

	buf_add(b, zeros, sizeof(zeros));
}
