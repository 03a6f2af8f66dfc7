/* strv.h - a list of strings that ends in NULL, as execve wants it.
 *
 * The strv owns its strings.  v is NULL while the list is empty; strv_args()
 * never is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/cleanup.h"

struct strv {
	char **v;		/* len strings and a NULL */
	size_t len;
	size_t cap;
};

#define STRV_INIT { .v = NULL }

void strv_clear(struct strv *s);
void strv_add(struct strv *s, const char *text);
void strv_addn(struct strv *s, const char *text, size_t len);
void strv_addf(struct strv *s, const char *fmt, ...) PRINTF(2, 3);
void strv_take(struct strv *s, char *text);		/* takes text */
void strv_join(struct strv *s, const struct strv *more);	/* copies */
void strv_set(struct strv *s, size_t at, const char *text);
bool strv_has(const struct strv *s, const char *text);
void strv_sort(struct strv *s);			/* by bytes */
char **strv_args(const struct strv *s);

/* "KEY=value": sets or replaces KEY, as environments do. */
void strv_setenv(struct strv *s, const char *assignment);
const char *strv_getenv(const struct strv *s, const char *key);

static inline void strv_auto(struct strv *s)
{
	strv_clear(s);
}
