/* secret.h - a password or token: never printed, wiped when released.
 *
 * There is no printer on purpose: whoever needs the bytes reads text and
 * hands them to one consumer (a header, a helper's input).  They must not
 * enter a struct err, a log line or an argument vector.  text is NULL while
 * the secret is empty.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/cleanup.h"

struct secret {
	char *text;		/* NUL-terminated; NULL: none */
	size_t len;
};

#define SECRET_INIT { .text = NULL }

void secret_set(struct secret *s, const char *text);	/* copies; NULL empties */
void secret_setn(struct secret *s, const char *text, size_t len);
void secret_setf(struct secret *s, const char *fmt, ...) PRINTF(2, 3);
void secret_clear(struct secret *s);
bool secret_is_set(const struct secret *s);

/* Overwrites memory in a way that the compiler keeps. */
void secret_wipe(void *data, size_t len);

static inline void secret_auto(struct secret *s)
{
	secret_clear(s);
}
