#include "lib/fmt/cgpath.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"

#define MEMBER "linux.cgroupsPath: "

int cgpath_join(char *out, size_t size, const char *base, const char *path, struct err *e)
{
	AUTO(buf) struct buf b = BUF_INIT(size - 1);

	buf_adds(&b, str_eq(base, "/") ? "" : base);
	for (const char *p = path; *p;) {
		size_t len = strcspn(p, "/");

		if (len == 2 && p[0] == '.' && p[1] == '.')
			return err_set(e, EINVAL, MEMBER "'%s' has '..'", path);
		if (len && !(len == 1 && *p == '.')) {
			buf_addc(&b, '/');
			buf_add(&b, p, len);
		}
		p += len + (p[len] == '/');
	}
	if (b.full)
		return err_set(e, ENAMETOOLONG, MEMBER "longer than %zu bytes", b.max);
	(void)str_copy(out, size, b.len ? b.data : "/");
	return 0;
}

/* --- systemd --- */

/* systemd.unit(5): what is none of its letters becomes "\x2b". */
static void add_escaped(struct buf *b, const char *s)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789:_.-\\";

	for (; *s; s++)
		if (strchr(plain, *s))
			buf_addc(b, *s);
		else
			buf_addf(b, "\\x%02x", (unsigned char)*s);
}

/* "a-b.slice" is in "a.slice": every word between the dashes names one. */
static bool is_slice(const char *s)
{
	size_t len = str_ends(s, ".slice") ? strlen(s) - strlen(".slice") : 0;

	if (len == 1 && s[0] == '-')
		return true;	/* the one above all */
	return len && !strchr(s, '/') && !strstr(s, "--") && s[0] != '-' && s[len - 1] != '-';
}

struct parts {
	char slice[MAX_COMPONENT + 1];
	char prefix[MAX_COMPONENT + 1];
	const char *name;
};

static int split(struct parts *out, const char *path, struct err *e)
{
	const char *first = strchr(path, ':');
	const char *second = first ? strchr(first + 1, ':') : NULL;

	if (!second || !second[1] || strchr(second + 1, ':'))
		return err_set(e, EINVAL, MEMBER "'%s' is not slice:prefix:name, as systemd "
			       "needs it", path);
	if (first - path > MAX_COMPONENT || second - first > MAX_COMPONENT)
		return err_set(e, ENAMETOOLONG, MEMBER "'%s'", path);
	(void)snprintf(out->slice, sizeof(out->slice), "%.*s", (int)(first - path), path);
	(void)snprintf(out->prefix, sizeof(out->prefix), "%.*s", (int)(second - first - 1),
		       first + 1);
	out->name = second + 1;
	if (out->slice[0] && !is_slice(out->slice))
		return err_set(e, EINVAL, MEMBER "'%s': '%s' is not a slice", path, out->slice);
	if (str_ends(out->name, ".slice"))
		return err_set(e, EINVAL, MEMBER "'%s': a container is no slice", path);
	return 0;
}

int cgpath_unit(struct cgpath_unit *out, const char *cgroups_path, const char *id,
		struct err *e)
{
	struct parts p = { .prefix = "coracle", .name = id };
	AUTO(buf) struct buf unit = BUF_INIT(MAX_COMPONENT);
	int r = str_is_empty(cgroups_path) ? 0 : split(&p, cgroups_path, e);

	if (r < 0)
		return r;
	add_escaped(&unit, p.prefix);
	if (p.prefix[0])
		buf_addc(&unit, '-');
	add_escaped(&unit, p.name);
	buf_adds(&unit, ".scope");
	if (unit.full)
		return err_set(e, ENAMETOOLONG, MEMBER "'%s'", str_or(cgroups_path, id));
	(void)str_copy(out->unit, sizeof(out->unit), unit.data);
	(void)str_copy(out->slice, sizeof(out->slice), p.slice);
	return 0;
}
