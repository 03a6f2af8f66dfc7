/* str.h - questions about text that the C library answers badly.
 *
 * Nothing here allocates, except where it says so.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/cleanup.h"

bool str_eq(const char *a, const char *b);		/* NULL equals NULL only */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
bool str_is_empty(const char *s);			/* NULL is empty too */
const char *str_or(const char *s, const char *otherwise);	/* when empty */

/* What follows the prefix, or NULL. */
const char *str_after(const char *s, const char *prefix);

/* Is the byte string free of NUL and valid UTF-8? */
bool str_is_utf8(const char *s, size_t len);

/* Replaces what could steer a terminal (C0 and C1 controls, DEL, invalid
 * UTF-8, bidirectional overrides) by '?', in place.  Tab stays. */
void str_mask(char *s);

/* A container, volume, namespace or exec name: [a-zA-Z0-9][a-zA-Z0-9_.-]{0,127} */
bool str_is_name(const char *s);

/* One component of a path: not empty, no '/', not "." or "..", <= 255. */
bool str_is_component(const char *s);

/* Shell-style pattern of *, ? and [..]: the whole of s must match. */
bool str_matches(const char *s, const char *pattern);

/* strerror without locale and without a static buffer: "no such file ..." */
const char *str_errno(int code);

/* Copies at most size - 1 bytes and ends with NUL; false when cut short. */
bool str_copy(char *to, size_t size, const char *from);
