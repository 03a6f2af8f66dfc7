#include "lib/base/strv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

void strv_clear(struct strv *s)
{
	int saved = errno;

	for (size_t i = 0; i < s->len; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct strv)STRV_INIT;
	errno = saved;
}

void strv_take(struct strv *s, char *text)
{
	if (s->len + 2 > s->cap) {
		s->cap = s->cap ? s->cap * 2 : 8;
		s->v = mem_grow(s->v, s->cap, sizeof(*s->v));
	}
	s->v[s->len++] = text;
	s->v[s->len] = NULL;
}

void strv_add(struct strv *s, const char *text)
{
	strv_take(s, mem_str(text));
}

void strv_addn(struct strv *s, const char *text, size_t len)
{
	strv_take(s, mem_strn(text, len));
}

void strv_addf(struct strv *s, const char *fmt, ...)
{
	char *text = NULL;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0)
		n = 0;
	text = mem_zero((size_t)n + 1, 1);
	va_start(args, fmt);
	vsnprintf(text, (size_t)n + 1, fmt, args);
	va_end(args);
	strv_take(s, text);
}

void strv_join(struct strv *s, const struct strv *more)
{
	for (size_t i = 0; i < more->len; i++)
		strv_add(s, more->v[i]);
}

void strv_set(struct strv *s, size_t at, const char *text)
{
	char *copy = mem_str(text);

	free(s->v[at]);
	s->v[at] = copy;
}

bool strv_has(const struct strv *s, const char *text)
{
	for (size_t i = 0; i < s->len; i++)
		if (str_eq(s->v[i], text))
			return true;
	return false;
}

char **strv_args(const struct strv *s)
{
	static char *none[1];

	return s->v ? s->v : none;
}

/* Where "KEY=..." stands, or len. */
static size_t find_key(const struct strv *s, const char *key, size_t keylen)
{
	size_t i;

	for (i = 0; i < s->len; i++)
		if (!strncmp(s->v[i], key, keylen) && s->v[i][keylen] == '=')
			break;
	return i;
}

void strv_setenv(struct strv *s, const char *assignment)
{
	size_t at = find_key(s, assignment, strcspn(assignment, "="));

	if (at < s->len)
		strv_set(s, at, assignment);
	else
		strv_add(s, assignment);
}

const char *strv_getenv(const struct strv *s, const char *key)
{
	size_t at = find_key(s, key, strlen(key));

	return at < s->len ? s->v[at] + strlen(key) + 1 : NULL;
}

static int by_bytes(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *s)
{
	if (s->len)
		qsort(s->v, s->len, sizeof(*s->v), by_bytes);
}
