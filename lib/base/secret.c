#include "lib/base/secret.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"

void secret_wipe(void *data, size_t len)
{
	if (len)
		explicit_bzero(data, len);
}

void secret_clear(struct secret *s)
{
	int saved = errno;

	if (s->text)
		secret_wipe(s->text, s->len);
	free(s->text);
	s->text = NULL;
	s->len = 0;
	errno = saved;
}

void secret_setn(struct secret *s, const char *text, size_t len)
{
	char *copy = mem_strn(text, len);

	secret_clear(s);
	s->text = copy;
	s->len = len;
}

void secret_set(struct secret *s, const char *text)
{
	if (text)
		secret_setn(s, text, strlen(text));
	else
		secret_clear(s);
}

void secret_setf(struct secret *s, const char *fmt, ...)
{
	struct secret made = SECRET_INIT;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	made.len = n < 0 ? 0 : (size_t)n;
	made.text = mem_zero(made.len + 1, 1);
	va_start(args, fmt);
	(void)vsnprintf(made.text, made.len + 1, fmt, args);
	va_end(args);
	secret_clear(s);
	*s = made;
}

bool secret_is_set(const struct secret *s)
{
	return s->text != NULL;
}
