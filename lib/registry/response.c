#include "lib/registry/response.h"

#include <string.h>
#include <strings.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"

#define MAX_CHALLENGES 8

void response_clear(struct response *r)
{
	free(r->type);
	free(r->location);
	free(r->retry_after);
	free(r->digest);
	strv_clear(&r->challenges);
	*r = (struct response)RESPONSE_INIT;
}

static int set_length(struct response *r, const char *value, struct err *e)
{
	uint64_t length;
	int ret = num_u64(value, 0, INT64_MAX, &length, e);

	if (ret < 0) {
		err_clear(e);
		return err_set(e, EPROTO, "bad Content-Length");
	}
	if (r->has_length && r->length != length)
		return err_set(e, EPROTO, "two different Content-Lengths");
	r->has_length = true;
	r->length = length;
	return 0;
}

/* "bytes 0-9/10"; a total of "*" tells us nothing, so it is no range to us. */
static int set_range(struct response *r, const char *value, struct err *e)
{
	AUTO_FREE char *copy = mem_str(value);
	char *first, *last, *total;

	r->has_range = false;
	if (strncasecmp(copy, "bytes ", 6) != 0)
		return 0;
	first = copy + 6;
	last = strchr(first, '-');
	total = strchr(first, '/');
	if (!last || !total || last > total)
		return 0;
	*last++ = '\0';
	*total++ = '\0';
	if (num_u64(first, 0, INT64_MAX, &r->first, e) < 0 ||
	    num_u64(last, r->first, INT64_MAX, &r->last, e) < 0 ||
	    num_u64(total, r->last + 1, INT64_MAX, &r->total, e) < 0)
		err_clear(e);
	else
		r->has_range = true;
	return 0;
}

static int set_encoding(struct response *r, const char *value,
			struct err *e UNUSED)
{
	if (*value && strcasecmp(value, "identity") != 0)
		r->is_encoded = true;
	return 0;
}

static void replace(char **at, char *text)
{
	AUTO_FREE char *old = *at;

	*at = text;
}

static int set_type(struct response *r, const char *value, struct err *e UNUSED)
{
	size_t len = strcspn(value, "; \t");

	replace(&r->type, mem_strn(value, len));
	return 0;
}

static int set_location(struct response *r, const char *value,
			struct err *e UNUSED)
{
	replace(&r->location, mem_str(value));
	return 0;
}

static int set_retry_after(struct response *r, const char *value,
			   struct err *e UNUSED)
{
	replace(&r->retry_after, mem_str(value));
	return 0;
}

static int set_digest(struct response *r, const char *value,
		      struct err *e)
{
	if (r->digest && !str_eq(r->digest, value))
		return err_set(e, EPROTO, "two different Docker-Content-Digests");
	replace(&r->digest, mem_str(value));
	return 0;
}

static int add_challenge(struct response *r, const char *value,
			 struct err *e UNUSED)
{
	if (r->challenges.len < MAX_CHALLENGES)
		strv_add(&r->challenges, value);
	return 0;
}

static const struct {
	const char *name;
	int (*set)(struct response *r, const char *value, struct err *e);
} fields[] = {
	{ "Content-Length", set_length },
	{ "Content-Range", set_range },
	{ "Content-Encoding", set_encoding },
	{ "Content-Type", set_type },
	{ "Location", set_location },
	{ "Retry-After", set_retry_after },
	{ "Docker-Content-Digest", set_digest },
	{ "WWW-Authenticate", add_challenge },
};

/* "HTTP/1.1 200 OK" or "HTTP/2 200" */
static int start(struct response *r, const char *line, struct err *e)
{
	AUTO_FREE char *number = NULL;
	const char *space = strchr(line, ' ');
	size_t bytes = r->bytes;
	uint64_t status;

	if (space)
		number = mem_strn(space + 1, strcspn(space + 1, " "));
	response_clear(r);
	r->bytes = bytes;
	if (num_u64(str_or(number, ""), 100, 999, &status, e) < 0) {
		err_clear(e);
		return err_set(e, EPROTO, "bad HTTP status line");
	}
	r->status = (long)status;
	return 0;
}

static int field(struct response *r, char *line, struct err *e)
{
	char *colon = strchr(line, ':');
	char *value;

	if (!colon)
		return 0;
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " \t");
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!strcasecmp(line, fields[i].name))
			return fields[i].set(r, value, e);
	return 0;
}

int response_line(struct response *r, const char *line, size_t len,
		  struct err *e)
{
	AUTO_FREE char *copy = NULL;

	r->bytes += len;
	if (r->bytes > MAX_HTTP_HEADERS)
		return err_set(e, EFBIG, "more than %zu bytes of HTTP header",
			       (size_t)MAX_HTTP_HEADERS);
	while (len && strchr("\r\n \t", line[len - 1]))
		len--;
	if (memchr(line, '\0', len))
		return err_set(e, EPROTO, "NUL in an HTTP header");
	copy = mem_strn(line, len);
	/* What comes after the body (trailers) must not change our mind. */
	if (r->is_complete)
		return 0;
	if (str_starts(copy, "HTTP/"))
		return start(r, copy, e);
	if (len)
		return field(r, copy, e);
	r->is_complete = r->status >= 200;
	return 0;
}
