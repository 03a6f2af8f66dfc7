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

int cgfile_next_flat(const char **text, const char **name, size_t *len, uint64_t *value,
		     struct err *e)
{
	const char *line = *text;
	size_t n = strcspn(line, "\n"), key = strcspn(line, " \n");
	int r;

	if (!*line)
		return 0;
	if (!key || line[key] != ' ')
		return err_set(e, EINVAL, "malformed line '%.*s' of a cgroup file", (int)n, line);
	r = number_or_max(line + key + 1, n - key - 1, value, e);
	if (r < 0)
		return err_ctx(e, r, "%.*s", (int)key, line);
	*name = line;
	*len = key;
	*text = line + n + (line[n] == '\n');
	return 1;
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

/* --- io.stat --- */

/* "8:16" of len bytes */
static int device(const char *text, size_t len, struct cgfile_io *out, struct err *e)
{
	const char *colon = memchr(text, ':', len);
	uint64_t major, minor;
	int r;

	if (!colon)
		return err_set(e, EINVAL, "'%.*s' is not a device", (int)len, text);
	r = number(text, (size_t)(colon - text), &major, e);
	if (r == 0)
		r = number(colon + 1, len - (size_t)(colon - text) - 1, &minor, e);
	if (r < 0)
		return r;
	if (major > UINT32_MAX || minor > UINT32_MAX)
		return err_set(e, EINVAL, "'%.*s' is not a device", (int)len, text);
	out->major = (uint32_t)major;
	out->minor = (uint32_t)minor;
	return 0;
}

/* "rbytes=1"; words of other controllers are not ours to know. */
static int io_word(const char *text, size_t len, struct cgfile_io *out, struct err *e)
{
	const struct {
		const char *name;
		uint64_t *to;
	} words[] = {
		{ "rbytes=", &out->read_bytes },
		{ "wbytes=", &out->write_bytes },
		{ "dbytes=", &out->discard_bytes },
		{ "rios=", &out->reads },
		{ "wios=", &out->writes },
		{ "dios=", &out->discards },
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t n = strlen(words[i].name);

		if (len >= n && !memcmp(text, words[i].name, n))
			return number(text + n, len - n, words[i].to, e);
	}
	return 0;
}

int cgfile_next_io(const char **text, struct cgfile_io *out, struct err *e)
{
	const char *p = *text;
	const char *end = p + strcspn(p, "\n");
	struct cgfile_io io = { .major = 0 };
	size_t n = strcspn(p, " \n");
	int r;

	if (!*p)
		return 0;
	r = device(p, n, &io, e);
	for (p += n; r == 0 && p < end; p += n) {
		p += strspn(p, " ");
		n = strcspn(p, " \n");
		r = io_word(p, n, &io, e);
	}
	if (r < 0)
		return err_ctx(e, r, "io.stat");
	*text = *end ? end + 1 : end;
	*out = io;
	return 1;
}

/* --- pressure --- */

/* "0.25": hundredths. */
static int hundredths(const char *text, size_t len, uint32_t *out, struct err *e)
{
	char copy[MAX_NUMBER];
	uint64_t nano;
	int r;

	if (len >= sizeof(copy))
		return err_set(e, EINVAL, "'%.*s' is not a number", MAX_NUMBER, text);
	memcpy(copy, text, len);
	copy[len] = '\0';
	r = num_nano(copy, &nano, e);
	if (r == 0 && nano / 10000000 > UINT32_MAX)
		return err_set(e, EINVAL, "'%s' is too much", copy);
	if (r == 0)
		*out = (uint32_t)(nano / 10000000);
	return r;
}

/* " avg10=0.00 avg60=0.00 avg300=0.00 total=0", up to the end of the line */
static int psi(const char *text, struct cgfile_psi *out, struct err *e)
{
	const struct {
		const char *name;
		uint32_t *to;
	} averages[] = {
		{ "avg10=", &out->avg10 },
		{ "avg60=", &out->avg60 },
		{ "avg300=", &out->avg300 },
	};
	int r = 0;

	while (r == 0 && *text == ' ') {
		size_t n = strcspn(++text, " \n");

		for (size_t i = 0; r == 0 && i < ARRAY_SIZE(averages); i++) {
			size_t k = strlen(averages[i].name);

			if (n >= k && !memcmp(text, averages[i].name, k))
				r = hundredths(text + k, n - k, averages[i].to, e);
		}
		if (r == 0 && n >= 6 && !memcmp(text, "total=", 6))
			r = number(text + 6, n - 6, &out->total_us, e);
		text += n;
	}
	return r;
}

int cgfile_pressure(const char *text, struct cgfile_pressure *out, struct err *e)
{
	struct cgfile_pressure p = { .some = { .total_us = 0 } };
	int r = 0;

	while (r == 0 && *text) {
		if (str_starts(text, "some "))
			r = psi(text + 4, &p.some, e);
		else if (str_starts(text, "full "))
			r = psi(text + 4, &p.full, e);
		else
			r = err_set(e, EINVAL, "malformed");
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	if (r < 0)
		return err_ctx(e, r, "pressure");
	*out = p;
	return 0;
}
