#include "lib/fmt/mountinfo.h"

#include <string.h>

#include "lib/base/num.h"
#include "lib/base/str.h"

void mountinfo_begin(struct mountinfo_iter *it, char *data, size_t len)
{
	*it = (struct mountinfo_iter){ .next = data, .left = len };
}

static bool is_octal(char c)
{
	return c >= '0' && c <= '7';
}

/* The kernel writes blank, tab, newline, backslash and '#' as \ooo. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && is_octal(s[1]) && s[1] <= '3' &&
		    is_octal(s[2]) && is_octal(s[3])) {
			int c = (s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0');

			s += 4;
			*to++ = c ? (char)c : '?';
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

static bool parse_id(const char *text, uint32_t *out)
{
	struct err ignored = ERR_INIT;
	uint64_t v;

	if (!text || num_u64(text, 0, UINT32_MAX, &v, &ignored) < 0)
		return false;
	*out = (uint32_t)v;
	return true;
}

static bool parse_device(char *text, struct mountinfo *m)
{
	const char *major;

	if (!text)
		return false;
	major = strsep(&text, ":");
	return parse_id(major, &m->major) && parse_id(text, &m->minor);
}

/* Zero or more "tag:value" fields, up to the lone "-". */
static bool parse_optional(char **rest, struct mountinfo *m)
{
	const char *field, *value;

	for (;;) {
		field = strsep(rest, " ");
		if (!field)
			return false;
		if (str_eq(field, "-"))
			return true;
		value = str_after(field, "shared:");
		if (value && !parse_id(value, &m->shared))
			return false;
		value = str_after(field, "master:");
		if (value && !parse_id(value, &m->master))
			return false;
	}
}

static const char *text_field(char **rest)
{
	char *field = strsep(rest, " ");

	if (field)
		unescape(field);
	return field;
}

static bool parse_line(char *line, struct mountinfo *m)
{
	*m = (struct mountinfo){ .id = 0 };
	if (!parse_id(strsep(&line, " "), &m->id) ||
	    !parse_id(strsep(&line, " "), &m->parent) ||
	    !parse_device(strsep(&line, " "), m))
		return false;
	m->root = text_field(&line);
	m->target = text_field(&line);
	m->options = text_field(&line);
	if (!m->options || !parse_optional(&line, m))
		return false;
	m->fstype = text_field(&line);
	m->source = text_field(&line);
	m->super_options = text_field(&line);
	return m->super_options && *m->target == '/';
}

int mountinfo_next(struct mountinfo_iter *it, struct mountinfo *out,
		   struct err *e)
{
	struct mountinfo m;
	char *line = it->next;
	char *end;
	size_t len;

	if (!it->left)
		return 0;
	end = memchr(line, '\n', it->left);
	len = end ? (size_t)(end - line) : it->left;
	line[len] = '\0';
	it->next += end ? len + 1 : len;
	it->left -= end ? len + 1 : len;
	it->line++;
	if (strlen(line) != len || !parse_line(line, &m))
		return err_set(e, EINVAL, "line %u of mountinfo is malformed",
			       it->line);
	*out = m;
	return 1;
}
