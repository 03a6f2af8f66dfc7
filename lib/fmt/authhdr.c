#include "lib/fmt/authhdr.h"

#include <string.h>
#include <strings.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"

/* RFC 9110 section 5.6.2 */
static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static size_t token_len(const char *s)
{
	size_t n = 0;

	while (is_token_char(s[n]))
		n++;
	return n;
}

static void skip_space(const char **p)
{
	*p += strspn(*p, " \t");
}

static void skip_commas(const char **p)
{
	*p += strspn(*p, " \t,");
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

static void challenge_clear(struct auth_challenge *c)
{
	free(c->realm);
	free(c->service);
	free(c->scope);
	free(c->error);
	*c = (struct auth_challenge){ .scheme = AUTH_OTHER };
}

static void clear_from(struct authhdr *h, size_t first)
{
	while (h->len > first)
		challenge_clear(&h->at[--h->len]);
}

void authhdr_clear(struct authhdr *h)
{
	int saved = errno;

	clear_from(h, 0);
	errno = saved;
}

static int quoted(const char **p, struct buf *value, struct err *e)
{
	for ((*p)++; **p != '"'; (*p)++) {
		if (**p == '\\')
			(*p)++;
		if (is_control(**p))
			return err_set(e, EBADMSG, "%s",
				       **p ? "control character in a quoted string"
					   : "quoted string without an end");
		if (buf_addc(value, **p) < 0)
			return buf_ok(value, "value", e);
	}
	(*p)++;
	return 0;
}

static char **slot(struct auth_challenge *c, const char *name, size_t len)
{
	const struct {
		const char *name;
		char **slot;
	} known[] = {
		{ "realm", &c->realm },
		{ "service", &c->service },
		{ "scope", &c->scope },
		{ "error", &c->error },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strlen(known[i].name) == len &&
		    strncasecmp(known[i].name, name, len) == 0)
			return known[i].slot;
	return NULL;
}

/* NAME = VALUE at *p, which is known to be there. */
static int param(struct auth_challenge *c, const char **p, struct err *e)
{
	AUTO(buf) struct buf value = BUF_INIT(AUTHHDR_VALUE_MAX);
	size_t len = token_len(*p);
	char **to = slot(c, *p, len);
	int r;

	*p += len;
	skip_space(p);
	(*p)++;
	skip_space(p);
	if (**p == '"') {
		r = quoted(p, &value, e);
		if (r < 0)
			return r;
	} else {
		len = token_len(*p);
		if (len == 0)
			return err_set(e, EBADMSG, "parameter without a value");
		if (buf_add(&value, *p, len) < 0)
			return buf_ok(&value, "value", e);
		*p += len;
	}
	if (!to || c->scheme == AUTH_OTHER)
		return 0;
	if (*to)
		return err_set(e, EBADMSG, "parameter given twice");
	*to = buf_steal(&value);
	return 0;
}

static bool at_param(const char *p)
{
	size_t len = token_len(p);

	p += len;
	skip_space(&p);
	return len > 0 && *p == '=' && p[1] != '=';
}

static enum auth_scheme scheme_of(const char *s, size_t len)
{
	if (len == 5 && strncasecmp(s, "Basic", len) == 0)
		return AUTH_BASIC;
	if (len == 6 && strncasecmp(s, "Bearer", len) == 0)
		return AUTH_BEARER;
	return AUTH_OTHER;
}

/* SCHEME [token68 | param *( "," param )], with empty list items allowed. */
static int challenge(struct auth_challenge *c, const char **p, struct err *e)
{
	size_t len = token_len(*p);
	int r;

	if (len == 0)
		return err_set(e, EBADMSG, "no scheme");
	c->scheme = scheme_of(*p, len);
	*p += len;
	if (**p && **p != ' ' && **p != ',')
		return err_set(e, EBADMSG, "text after the scheme");
	skip_space(p);
	if (!at_param(*p)) {
		*p += strspn(*p, "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/");
		*p += strspn(*p, "=");
		skip_space(p);
		if (**p && **p != ',')
			return err_set(e, EBADMSG, "text after the scheme");
	}
	while (at_param(*p)) {
		r = param(c, p, e);
		if (r < 0)
			return r;
		skip_space(p);
		if (**p && **p != ',')
			return err_set(e, EBADMSG, "text after a parameter");
		skip_commas(p);
	}
	return 0;
}

static int add_all(struct authhdr *out, const char *p, struct err *e)
{
	skip_commas(&p);
	while (*p) {
		int r;

		if (out->len == AUTHHDR_MAX)
			return err_set(e, EBADMSG, "more than %d challenges",
				       AUTHHDR_MAX);
		r = challenge(&out->at[out->len++], &p, e);
		if (r < 0)
			return r;
		skip_commas(&p);
	}
	return 0;
}

int authhdr_add(struct authhdr *out, const char *value, struct err *e)
{
	size_t had = out->len;
	int r = add_all(out, value, e);

	if (r < 0) {
		clear_from(out, had);
		return err_ctx(e, r, "www-authenticate header");
	}
	return 0;
}

const struct auth_challenge *authhdr_find(const struct authhdr *h,
					  enum auth_scheme scheme)
{
	for (size_t i = 0; i < h->len; i++)
		if (h->at[i].scheme == scheme)
			return &h->at[i];
	return NULL;
}
