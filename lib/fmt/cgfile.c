#include "lib/fmt/cgfile.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/num.h"
#include "lib/base/str.h"

#define MAX_NUMBER 24			/* 2^64 has 20 digits */

/* A number that len bytes of a longer text make up. */
static int number(const char *text, size_t len, uint64_t *out, struct err *e)
{
	char copy[MAX_NUMBER];

	if (len >= sizeof(copy))
		return err_set(e, EINVAL, "'%.*s' is not a number", MAX_NUMBER, text);
	memcpy(copy, text, len);
	copy[len] = '\0';
	return num_u64(copy, 0, UINT64_MAX, out, e);
}

static int number_or_max(const char *text, size_t len, uint64_t *out,
			 struct err *e)
{
	if (len == 3 && !memcmp(text, "max", 3)) {
		*out = CGFILE_MAX;
		return 0;
	}
	return number(text, len, out, e);
}

int cgfile_next(const char **text, struct cgfile_line *out, struct err *e)
{
	const char *line = *text;
	const char *end = line + strcspn(line, "\n");
	const char *controllers, *path;
	uint64_t id;

	if (!*line)
		return 0;
	*text = *end ? end + 1 : end;
	controllers = memchr(line, ':', (size_t)(end - line));
	path = controllers ? memchr(controllers + 1, ':', (size_t)(end - controllers - 1)) :
			     NULL;
	if (!path || path[1] != '/')
		return err_set(e, EINVAL, "malformed line '%.*s' of a cgroup file",
			       (int)(end - line), line);
	if (number(line, (size_t)(controllers - line), &id, e) < 0 ||
	    id > UINT32_MAX) {
		err_clear(e);
		return err_set(e, EINVAL, "malformed hierarchy in a cgroup file");
	}
	*out = (struct cgfile_line){
		.hierarchy = (uint32_t)id,
		.controllers = controllers + 1,
		.controllers_len = (size_t)(path - controllers - 1),
		.path = path + 1,
		.path_len = (size_t)(end - path - 1),
	};
	return 1;
}

int cgfile_v2_path(const char *text, char *out, size_t size, struct err *e)
{
	struct cgfile_line line;
	int r;

	for (;;) {
		r = cgfile_next(&text, &line, e);
		if (r < 0)
			return r;
		if (r == 0)
			return err_set(e, ENOENT, "no cgroup v2 line");
		if (line.hierarchy == 0 && line.controllers_len == 0)
			break;
	}
	if (line.path_len >= size)
		return err_set(e, ENAMETOOLONG, "the path of the cgroup is too long");
	memcpy(out, line.path, line.path_len);
	out[line.path_len] = '\0';
	return 0;
}

bool cgfile_has(const char *text, const char *controller)
{
	size_t len = strlen(controller);

	while (*text) {
		size_t n;

		text += strspn(text, " \n");
		n = strcspn(text, " \n");
		if (n && n == len && !memcmp(text, controller, n))
			return true;
		text += n;
	}
	return false;
}

int cgfile_flat(const char *text, const char *key, uint64_t *out, struct err *e)
{
	size_t len = strlen(key);

	while (*text) {
		size_t n = strcspn(text, "\n");

		if (n > len && !memcmp(text, key, len) && text[len] == ' ') {
			int r = number_or_max(text + len + 1, n - len - 1, out, e);

			return r < 0 ? err_ctx(e, r, "%s", key) : 0;
		}
		text += n + (text[n] == '\n');
	}
	return err_set(e, ENOENT, "no '%s' in a cgroup file", key);
}

int cgfile_value(const char *text, uint64_t *out, struct err *e)
{
	size_t n = strcspn(text, "\n");

	if (text[n] && text[n + 1])
		return err_set(e, EINVAL, "a cgroup file has more than one line");
	return number_or_max(text, n, out, e);
}

int cgfile_cpu_max(const char *text, uint64_t *quota, uint64_t *period,
		   struct err *e)
{
	size_t first = strcspn(text, " \n");
	uint64_t q, p;
	int r;

	if (text[first] != ' ')
		return err_set(e, EINVAL, "cpu.max has no period");
	r = number_or_max(text, first, &q, e);
	if (r == 0)
		r = number(text + first + 1, strcspn(text + first + 1, "\n"), &p, e);
	if (r < 0)
		return err_ctx(e, r, "cpu.max");
	*quota = q;
	*period = p;
	return 0;
}
