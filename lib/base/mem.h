/* mem.h - allocation that cannot fail.
 *
 * When memory runs out the process says so in one line and exits with status
 * 70.  The store survives that as it survives kill -9, and long-lived
 * programs allocate before they start to serve.  What is returned belongs to
 * the caller and is released with free().
 */
#pragma once

#include <stddef.h>

#include "lib/base/cleanup.h"

void *mem_zero(size_t count, size_t size) MUST_CHECK;	/* zeroed array */
void *mem_grow(void *old, size_t count, size_t size) MUST_CHECK;
/* Room for one more than len, in steps that double: for an array that grows in
 * no other way, whose capacity its len then tells. */
void *mem_more(void *old, size_t len, size_t size) MUST_CHECK;
char *mem_str(const char *s) MUST_CHECK;		/* NULL gives NULL */
char *mem_strn(const char *s, size_t len) MUST_CHECK;
char *mem_printf(const char *fmt, ...) PRINTF(1, 2) MUST_CHECK;

/* p, which came from the allocator of another library. */
void *mem_check(void *p);

#define mem_new(type) ((type *)mem_zero(1, sizeof(type)))
