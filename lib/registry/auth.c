#include "lib/registry/auth.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/authhdr.h"
#include "lib/fmt/base64.h"
#include "lib/registry/addr.h"
#include "lib/registry/token.h"

struct grant *auth_grant(struct endpoint *ep, const char *repo)
{
	struct grant *g;

	for (g = ep->grants; g; g = g->next)
		if (str_eq(g->repo, repo))
			return g;
	g = mem_new(struct grant);
	g->ep = ep;
	g->repo = mem_str(repo);
	g->next = ep->grants;
	ep->grants = g;
	return g;
}

void auth_want_push(struct grant *g)
{
	if (!g->may_push)
		secret_clear(&g->token);
	g->may_push = true;
}

void auth_grant_free(struct grant *g)
{
	free(g->repo);
	registry_creds_clear(&g->creds);
	secret_clear(&g->token);
	secret_clear(&g->offline);
	free(g);
}

static int look_up(struct registry *reg, struct grant *g, struct err *e)
{
	int r;

	if (g->is_asked || !reg->opt.creds)
		return 0;
	r = reg->opt.creds(&g->creds, g->ep->name, g->repo, reg->opt.creds_arg, e);
	if (r == -ENOENT) {
		err_clear(e);
	} else if (r < 0) {
		return err_ctx(e, r, "credentials");
	} else {
		g->has_creds = true;
	}
	g->is_asked = true;
	return 0;
}

void auth_basic(struct secret *out, const struct registry_creds *c)
{
	AUTO(secret) struct secret pair = SECRET_INIT;
	AUTO(buf) struct buf text = BUF_INIT(MAX_TOKEN);

	secret_setf(&pair, "%s:%s", str_or(c->user, ""), str_or(c->password.text, ""));
	base64_print(pair.text, pair.len, &text);
	secret_setf(out, "Basic %s", text.data);
	secret_wipe(text.data, text.len);
}

static void add_bearer(struct request *r, const struct secret *token)
{
	AUTO(secret) struct secret value = SECRET_INIT;

	secret_setf(&value, "Bearer %s", token->text);
	http_add_header(&r->headers, "Authorization", value.text);
}

static int prepare_token(struct request *r, struct err *e)
{
	struct grant *g = r->grant;
	int ret;

	if (secret_is_set(&g->creds.registry_token)) {
		add_bearer(r, &g->creds.registry_token);
		return 0;
	}
	if (secret_is_set(&g->token) && clock_mono_ns() < g->expires_ns) {
		r->generation = g->generation;
		add_bearer(r, &g->token);
		return 0;
	}
	if (g->asking)
		return 1;
	ret = token_ask(r->reg, g, e);
	return ret < 0 ? ret : 1;
}

int auth_prepare(struct request *r, struct err *e)
{
	AUTO(secret) struct secret basic = SECRET_INIT;
	struct grant *g = r->grant;
	int ret;

	if (r->is_away)
		return 0;
	if (secret_is_set(&r->own_auth))
		http_add_header(&r->headers, "Authorization", r->own_auth.text);
	if (!g || r->is_token || (!r->ep->wants_basic && !r->ep->realm))
		return 0;
	ret = look_up(r->reg, g, e);
	if (ret < 0)
		return ret;
	if (r->ep->realm)
		return prepare_token(r, e);
	if (secret_is_set(&g->creds.password)) {
		auth_basic(&basic, &g->creds);
		http_add_header(&r->headers, "Authorization", basic.text);
		r->has_basic = true;
	}
	return 0;
}

static int denied(const char *text, struct err *e)
{
	return err_hint(e, err_set(e, EACCES, "%s (HTTP 401)", text), "registry.auth");
}

static void replace(char **at, const char *text)
{
	AUTO_FREE char *old = *at;

	*at = mem_str(text);
}

static int take_bearer(struct request *r, const struct auth_challenge *c,
		       struct err *e)
{
	struct grant *g = r->grant;
	struct endpoint *ep = r->ep;
	int ret;

	ret = token_check_realm(r->reg, ep, c->realm, e);
	if (ret < 0)
		return ret;
	if (secret_is_set(&g->creds.registry_token) && r->refusals > 1)
		return denied("the token was refused", e);
	if (r->refusals > MAX_REFUSALS)
		return denied(g->has_creds ?
			      "access denied, or there is no such repository" :
			      "not logged in, or there is no such repository", e);
	/* Another request may have got a newer one meanwhile. */
	if (r->generation == g->generation)
		secret_clear(&g->token);
	replace(&ep->realm, c->realm);
	replace(&ep->service, c->service);
	return 0;
}

int auth_challenged(struct request *r, struct err *e)
{
	AUTO(authhdr) struct authhdr h = AUTHHDR_INIT;
	const struct auth_challenge *bearer;
	int ret = 0;

	for (size_t i = 0; i < r->resp.challenges.len; i++)
		if (authhdr_add(&h, r->resp.challenges.v[i], e) < 0)
			err_clear(e);	/* others may be readable */
	bearer = authhdr_find(&h, AUTH_BEARER);
	r->refusals++;
	if (!r->grant)
		return denied("credentials were refused", e);
	ret = look_up(r->reg, r->grant, e);
	if (ret < 0)
		return ret;
	if (bearer && bearer->realm)
		return take_bearer(r, bearer, e);
	if (!authhdr_find(&h, AUTH_BASIC))
		return denied("it wants a kind of authentication that we do not know", e);
	if (r->has_basic || r->refusals > MAX_REFUSALS)
		return denied("user or password were refused", e);
	if (!secret_is_set(&r->grant->creds.password))
		return denied("not logged in", e);
	r->ep->wants_basic = true;
	return 0;
}

static bool holds(const char *text, const struct secret *s)
{
	return s->len && strstr(text, s->text);
}

bool auth_is_leaky(const struct request *r, const char *text)
{
	AUTO(secret) struct secret basic = SECRET_INIT;
	const struct grant *g = r->grant;

	if (!g)
		return false;
	if (secret_is_set(&g->creds.password)) {
		auth_basic(&basic, &g->creds);
		if (strstr(text, basic.text + strlen("Basic ")))
			return true;
	}
	return holds(text, &g->token) || holds(text, &g->creds.password) ||
	       holds(text, &g->creds.identity_token) ||
	       holds(text, &g->creds.registry_token);
}

/* The domain that two names share, in whole labels: "b.c" of a.b.c and x.b.c */
static const char *shared_domain(const char *a, const char *b)
{
	const char *pa = a + strlen(a), *pb = b + strlen(b);
	const char *shared = pa;

	while (pa > a && pb > b &&
	       tolower((unsigned char)pa[-1]) == tolower((unsigned char)pb[-1])) {
		pa--;
		pb--;
		if ((pa == a || pa[-1] == '.') && (pb == b || pb[-1] == '.'))
			shared = pa;
	}
	return shared;
}

/* No list of public suffixes is at hand, so this is careful: two labels count
 * as somebody's own domain only when the left one is longer than the usual
 * co.uk, com.au, ac.jp. */
bool auth_is_related(const char *host, const char *realm)
{
	const char *shared, *dot;
	enum addr_class c;

	if (!strcasecmp(host, realm))
		return true;
	if (addr_is_loopback_host(host) && addr_is_loopback_host(realm))
		return true;
	if (addr_class_of_text(host, &c) || addr_class_of_text(realm, &c))
		return false;
	shared = shared_domain(host, realm);
	dot = strchr(shared, '.');
	if (!dot)
		return false;
	return strchr(dot + 1, '.') || dot - shared > 3;
}
