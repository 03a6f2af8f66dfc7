#include "lib/fmt/subid.h"

#include <stdbool.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/num.h"
#include "lib/base/str.h"

#define MAX_LINE 512			/* a login name and two numbers */

static bool parse_number(const char *text, uint64_t min, uint32_t *out)
{
	struct err ignored = ERR_INIT;
	uint64_t v;

	if (!text || num_u64(text, min, ID_NONE, &v, &ignored) < 0)
		return false;
	*out = (uint32_t)v;
	return true;
}

/* An owner of digits is an id: nobody can take it by a login name of digits. */
static bool is_owner(const char *owner, const char *name, uint32_t uid)
{
	uint32_t id;

	if (parse_number(owner, 0, &id))
		return id == uid;
	return !str_is_empty(name) && str_eq(owner, name);
}

static bool parse_line(struct id_grant *out, const char *data, size_t len,
		       const char *name, uint32_t uid)
{
	char line[MAX_LINE];
	char *p = line;
	struct id_grant g;
	const char *owner, *start, *count;

	if (len >= sizeof(line) || memchr(data, '\0', len))
		return false;
	memcpy(line, data, len);
	line[len] = '\0';
	owner = strsep(&p, ":");
	start = strsep(&p, ":");
	count = strsep(&p, ":");
	if (p || !is_owner(owner, name, uid) ||
	    !parse_number(start, 0, &g.start) ||
	    !parse_number(count, 1, &g.count) ||
	    g.count > ID_NONE - g.start)
		return false;
	*out = g;
	return true;
}

int subid_parse(struct id_grant *out, size_t room, const char *data,
		size_t len, const char *name, uint32_t uid, struct err *e)
{
	size_t count = 0, at = 0, lines = 0;
	struct id_grant g;

	if (len > MAX_ROOT_FILE)
		return err_set(e, EFBIG, "the list of subordinate ids is larger than %zu bytes",
			       MAX_ROOT_FILE);
	while (at < len) {
		const char *end = memchr(data + at, '\n', len - at);
		size_t n = end ? (size_t)(end - data) - at : len - at;

		if (++lines > MAX_ID_LINES)
			return err_set(e, EFBIG, "more than %d lines of subordinate ids",
				       MAX_ID_LINES);
		if (parse_line(&g, data + at, n, name, uid)) {
			if (count == room)
				return err_set(e, E2BIG, "more than %zu ranges of subordinate ids",
					       room);
			out[count++] = g;
		}
		at += n + 1;
	}
	return (int)count;
}
