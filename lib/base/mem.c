#include "lib/base/mem.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define EXIT_MEMORY 70

/* The one place below the programs that may end the process: see mem.h. */
static NORETURN void out_of_memory(void)
{
	static const char text[] = "coracle: out of memory\n";
	ssize_t n = write(STDERR_FILENO, text, sizeof(text) - 1);

	_exit(n < 0 ? EXIT_MEMORY : EXIT_MEMORY);
}

void *mem_zero(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	if (!p)
		out_of_memory();
	return p;
}

void *mem_grow(void *old, size_t count, size_t size)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(count, size, &bytes))
		out_of_memory();
	p = realloc(old, bytes ? bytes : 1);
	if (!p)
		out_of_memory();
	return p;
}

void *mem_more(void *old, size_t len, size_t size)
{
	bool is_full = !(len & (len - 1));	/* 0 and the powers of two */

	return is_full ? mem_grow(old, len ? 2 * len : 1, size) : old;
}

char *mem_strn(const char *s, size_t len)
{
	char *p = mem_zero(len + 1, 1);

	memcpy(p, s, len);
	return p;
}

char *mem_str(const char *s)
{
	return s ? mem_strn(s, strlen(s)) : NULL;
}

char *mem_printf(const char *fmt, ...)
{
	va_list args;
	char *p;
	int n;

	va_start(args, fmt);
	n = vasprintf(&p, fmt, args);
	va_end(args);
	if (n < 0)
		out_of_memory();
	return p;
}

void *mem_check(void *p)
{
	if (!p)
		out_of_memory();
	return p;
}
