#include "lib/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/str.h"

static int set(struct err *e, int code, const char *fmt, va_list args,
	       const char *reason)
{
	int len;

#ifdef DEBUG
	if (e->code)
		abort();
#endif
	if (e->code)
		return -e->code;

	e->code = code > 0 ? code : EINVAL;
	len = vsnprintf(e->text, sizeof(e->text), fmt, args);
	if (reason && len >= 0 && (size_t)len < sizeof(e->text))
		snprintf(e->text + len, sizeof(e->text) - (size_t)len,
			 ": %s", reason);
	str_mask(e->text);
	return -e->code;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list args;
	int r;

	va_start(args, fmt);
	r = set(e, code, fmt, args, NULL);
	va_end(args);
	return r;
}

int err_sys(struct err *e, const char *fmt, ...)
{
	int code = errno;
	va_list args;
	int r;

	va_start(args, fmt);
	r = set(e, code, fmt, args, str_errno(code));
	va_end(args);
	return r;
}

int err_ret(struct err *e, int ret, const char *fmt, ...)
{
	va_list args;
	int r;

	va_start(args, fmt);
	r = set(e, -ret, fmt, args, str_errno(-ret));
	va_end(args);
	return r;
}

int err_ctx(struct err *e, int ret, const char *fmt, ...)
{
	char old[ERR_TEXT_MAX];
	va_list args;
	size_t len;
	int n;

	memcpy(old, e->text, sizeof(old));
	va_start(args, fmt);
	n = vsnprintf(e->text, sizeof(e->text), fmt, args);
	va_end(args);

	len = n < 0 ? 0 : (size_t)n;
	if (len + 2 < sizeof(e->text)) {
		memcpy(e->text + len, ": ", 2);
		(void)str_copy(e->text + len + 2, sizeof(e->text) - len - 2, old);
	}
	str_mask(e->text);
	return ret;
}

int err_hint(struct err *e, int ret, const char *key)
{
	e->key = key;
	return ret;
}

void err_clear(struct err *e)
{
	e->code = 0;
	e->key = NULL;
	e->text[0] = '\0';
}

int err_move(struct err *to, struct err *from)
{
	*to = *from;
	err_clear(from);
	return -to->code;
}
