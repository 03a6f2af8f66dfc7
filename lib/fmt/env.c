#include "lib/fmt/env.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

static int set(struct strv *out, const char *assignment, struct err *e)
{
	strv_setenv(out, assignment);
	if (out->len > MAX_ENV_VARS)
		return err_set(e, E2BIG, "more than %d environment variables",
			       MAX_ENV_VARS);
	return 0;
}

int env_add(struct strv *out, const char *text, const struct strv *from,
	    struct err *e)
{
	size_t key = strcspn(text, "=");
	AUTO_FREE char *copied = NULL;
	const char *value;

	if (!key)
		return err_set(e, EINVAL, "environment variable '%s' has no name",
			       text);
	if (text[key])
		return set(out, text, e);
	value = strv_getenv(from, text);
	if (!value)
		return 0;
	copied = mem_printf("%s=%s", text, value);
	return set(out, copied, e);
}

static int parse_line(struct strv *out, const char *data, size_t len,
		      const struct strv *from, struct err *e)
{
	AUTO_FREE char *line = NULL;

	if (len && data[len - 1] == '\r')
		len--;
	while (len && is_blank(*data)) {
		data++;
		len--;
	}
	if (!len || *data == '#')
		return 0;
	if (!str_is_utf8(data, len))
		return err_set(e, EINVAL, "not UTF-8 text");
	line = mem_strn(data, len);
	for (const char *p = line; *p && *p != '='; p++)
		if (is_blank(*p))
			return err_set(e, EINVAL, "blank in the name of variable '%.*s'",
				       (int)strcspn(line, "="), line);
	return env_add(out, line, from, e);
}

int env_parse_file(struct strv *out, const char *data, size_t len,
		   const char *name, const struct strv *from, struct err *e)
{
	static const char bom[] = "\xef\xbb\xbf";
	size_t at = 0;
	unsigned line = 1;

	if (len > MAX_ENV_FILE)
		return err_set(e, EFBIG, "'%s' is larger than %zu bytes", name,
			       MAX_ENV_FILE);
	if (len >= strlen(bom) && !memcmp(data, bom, strlen(bom)))
		at = strlen(bom);
	for (; at < len; line++) {
		const char *end = memchr(data + at, '\n', len - at);
		size_t n = end ? (size_t)(end - data) - at : len - at;
		int r = parse_line(out, data + at, n, from, e);

		if (r < 0)
			return err_ctx(e, r, "%s:%u", name, line);
		at += n + 1;
	}
	return 0;
}
