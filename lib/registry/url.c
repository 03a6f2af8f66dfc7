#include "lib/registry/url.h"

#include <ctype.h>
#include <curl/curl.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"

void url_clear(struct url *u)
{
	free(u->text);
	free(u->host);
	free(u->path);
	*u = (struct url)URL_INIT;
}

/* libcurl's strings belong to libcurl's allocator. */
static char *part(CURLU *h, CURLUPart which, unsigned flags)
{
	char *theirs = NULL;
	char *ours;

	if (curl_url_get(h, which, &theirs, flags))
		return NULL;
	ours = mem_str(theirs);
	curl_free(theirs);
	return ours;
}

static int unpack(struct url *out, CURLU *h, struct err *e)
{
	AUTO_FREE char *scheme = part(h, CURLUPART_SCHEME, 0);
	AUTO_FREE char *port = part(h, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	struct url u = URL_INIT;
	uint64_t number;
	int r;

	if (!str_eq(scheme, "https") && !str_eq(scheme, "http"))
		return err_set(e, EPROTO, "URL scheme '%s' is not http or https",
			       str_or(scheme, ""));
	r = num_u64(str_or(port, ""), 1, UINT16_MAX, &number, e);
	if (r < 0)
		return err_ctx(e, r, "port of a URL");

	u.is_https = str_eq(scheme, "https");
	u.port = (uint16_t)number;
	/* A fragment is never sent, and has no meaning to us. */
	(void)curl_url_set(h, CURLUPART_FRAGMENT, NULL, 0);
	u.host = part(h, CURLUPART_HOST, 0);
	u.path = part(h, CURLUPART_PATH, 0);
	u.text = part(h, CURLUPART_URL, 0);
	if (!u.host || !u.path || !u.text) {
		url_clear(&u);
		return err_set(e, EPROTO, "not a usable URL");
	}
	for (char *c = u.host; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	url_clear(out);
	*out = u;
	return 0;
}

static int parse(struct url *out, const char *base, const char *text,
		 struct err *e)
{
	CURLU *h = curl_url();
	CURLUcode c = CURLUE_OK;
	int r;

	if (!h)
		return err_set(e, ENOMEM, "parse a URL");
	if (base)
		c = curl_url_set(h, CURLUPART_URL, base, 0);
	if (!c)
		c = curl_url_set(h, CURLUPART_URL, text, CURLU_DISALLOW_USER);
	r = c ? err_set(e, EPROTO, "not a usable URL: %s", curl_url_strerror(c)) :
		unpack(out, h, e);
	curl_url_cleanup(h);
	return r;
}

int url_parse(struct url *out, const char *text, struct err *e)
{
	return parse(out, NULL, text, e);
}

int url_resolve(struct url *out, const struct url *base, const char *location,
		struct err *e)
{
	return parse(out, base->text, location, e);
}

bool url_is_same_origin(const struct url *a, const struct url *b)
{
	return a->is_https == b->is_https && a->port == b->port &&
	       str_eq(a->host, b->host);
}

char *url_authority(const struct url *u)
{
	if (u->port == (u->is_https ? 443 : 80))
		return mem_str(u->host);
	return mem_printf("%s:%u", u->host, u->port);
}

char *url_public(const struct url *u)
{
	AUTO_FREE char *authority = url_authority(u);

	return mem_printf("%s://%s%s", u->is_https ? "https" : "http", authority,
			  u->path);
}

int url_add_query(struct url *u, const char *name, const char *value,
		  struct err *e)
{
	AUTO_FREE char *pair = mem_printf("%s=%s", name, value);
	CURLU *h = curl_url();
	CURLUcode c;
	int r;

	if (!h)
		return err_set(e, ENOMEM, "build a URL");
	c = curl_url_set(h, CURLUPART_URL, u->text, 0);
	if (!c)
		c = curl_url_set(h, CURLUPART_QUERY, pair,
				 CURLU_APPENDQUERY | CURLU_URLENCODE);
	r = c ? err_set(e, EPROTO, "build a URL: %s", curl_url_strerror(c)) :
		unpack(u, h, e);
	curl_url_cleanup(h);
	return r;
}
