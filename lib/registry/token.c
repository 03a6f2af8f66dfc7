#include "lib/registry/token.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"
#include "lib/registry/addr.h"

#define CLIENT_ID "coracle"
#define MIN_LIFE_S 60		/* the specification's least, and its default */
#define MAX_LIFE_S (24 * 3600)

struct token_request {
	struct request req;
	struct grant *grant;
	struct buf body;
};

/* --- where tokens may be asked for --- */

int token_check_realm(struct registry *reg, const struct endpoint *ep,
		      const char *realm, struct err *e)
{
	AUTO(url) struct url u = URL_INIT;
	int r = url_parse(&u, realm, e);

	if (r < 0)
		return err_ctx(e, r, "its token service");
	if (u.is_https || http_is_plain(reg, &u) ||
	    (addr_is_loopback_host(u.host) && (ep->seen & 1u << ADDR_LOOPBACK)))
		return 0;
	return err_hint(e, err_set(e, EACCES, "its token service at '%s' speaks only http",
				   u.host), "registry.realm");
}

/* Passwords are the registry's to see, so also its relatives'. */
static int check_trusted(struct registry *reg, const struct endpoint *ep,
			 const struct url *realm, struct err *e)
{
	size_t len = strcspn(ep->authority, ":");
	AUTO_FREE char *host = ep->authority[0] == '[' ?
		mem_strn(ep->authority, strcspn(ep->authority, "]") + 1) :
		mem_strn(ep->authority, len);
	AUTO_FREE char *listed = mem_printf("%s=%s", ep->name, realm->host);

	if (auth_is_related(host, realm->host) || auth_is_related(ep->name, realm->host) ||
	    (reg->opt.realms && strv_has(reg->opt.realms, listed)))
		return 0;
	return err_hint(e, err_set(e, EACCES,
				   "it wants the password sent to '%s', which is not its relative",
				   realm->host), "registry.realm");
}

/* --- the question --- */

static void form_add(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	buf_addf(b, "%s%s=", b->len ? "&" : "", name);
	for (; *value; value++) {
		if (isalnum((unsigned char)*value) || strchr("-._~", *value))
			buf_addc(b, *value);
		else
			buf_addf(b, "%%%02X", (unsigned char)*value);
	}
}

static char *scope_of(const struct grant *g)
{
	return g->repo ? mem_printf("repository:%s:%s", g->repo,
				    g->may_push ? "pull,push" : "pull") : NULL;
}

static void set_post(struct request *r, const struct grant *g)
{
	AUTO_FREE char *scope = scope_of(g);
	struct buf form = BUF_INIT(MAX_TOKEN);

	form_add(&form, "grant_type", "refresh_token");
	form_add(&form, "service", g->ep->service);
	form_add(&form, "client_id", CLIENT_ID);
	form_add(&form, "scope", scope);
	form_add(&form, "refresh_token", g->creds.identity_token.text);
	secret_setn(&r->form, form.data, form.len);
	secret_wipe(form.data, form.len);
	buf_clear(&form);
	r->method = HTTP_POST;
}

static int set_get(struct request *r, const struct grant *g, struct err *e)
{
	AUTO_FREE char *scope = scope_of(g);
	int ret = 0;

	if (g->ep->service)
		ret = url_add_query(&r->start, "service", g->ep->service, e);
	if (ret == 0 && scope)
		ret = url_add_query(&r->start, "scope", scope, e);
	if (ret < 0 || !secret_is_set(&g->creds.password))
		return ret;
	auth_basic(&r->own_auth, &g->creds);
	if (!g->wants_offline)
		return 0;
	ret = url_add_query(&r->start, "offline_token", "true", e);
	return ret < 0 ? ret : url_add_query(&r->start, "client_id", CLIENT_ID, e);
}

static int on_data(struct request *r, const char *data, size_t len, struct err *e)
{
	struct token_request *t = r->owner;

	if (buf_add(&t->body, data, len) < 0)
		return err_set(e, EFBIG, "a token of more than %zu bytes", t->body.max);
	return 0;
}

static int on_begin(struct request *r, struct err *e UNUSED)
{
	struct token_request *t = r->owner;

	buf_reset(&t->body);
	return 0;
}

static const struct request_body token_body = {
	.begin = on_begin,
	.data = on_data,
};

/* --- the answer --- */

static bool is_token(const char *s)
{
	if (str_is_empty(s))
		return false;
	for (; *s; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

static int read_answer(struct grant *g, const struct buf *body)
{
	AUTO(json) json_t *doc = NULL;
	struct err ignored = ERR_INIT;
	const char *token = NULL, *access = NULL, *refresh = NULL;
	uint64_t life_s = MIN_LIFE_S;
	struct json_at root;

	if (json_load_strict(&doc, body->data, body->len, &ignored) < 0)
		return -EPROTO;
	root = json_root(doc);
	if (json_get_string(&token, &root, "token", JSON_MAY, &ignored) < 0 ||
	    json_get_string(&access, &root, "access_token", JSON_MAY, &ignored) < 0 ||
	    json_get_string(&refresh, &root, "refresh_token", JSON_MAY, &ignored) < 0)
		return -EPROTO;
	if (json_get_u64(&life_s, &root, "expires_in", 0, INT64_MAX, JSON_MAY, &ignored) < 0)
		err_clear(&ignored);
	if (str_is_empty(token))
		token = access;
	if (!is_token(token))
		return -EPROTO;
	/* A token that was over at once would be asked for without end; when it
	 * really is, a 401 tells. */
	life_s = life_s < MIN_LIFE_S ? MIN_LIFE_S :
		 life_s > MAX_LIFE_S ? MAX_LIFE_S : life_s;
	secret_set(&g->token, token);
	g->generation++;
	/* The rest covers the way to the registry and its clock. */
	g->expires_ns = clock_mono_ns() + life_s * NS_PER_S / 10 * 9;
	if (is_token(refresh) && g->wants_offline)
		secret_set(&g->offline, refresh);
	return 0;
}

/* Everybody who waits gets the same error. */
static void wake(struct registry *reg, struct grant *g, const struct err *why)
{
	for (struct request *r = reg->first; r; r = r->next) {
		if (r->grant != g || r->state != REQ_TOKEN)
			continue;
		r->state = REQ_QUEUED;
		if (why->code)
			r->err = *why;
	}
}

static void token_request_free(struct token_request *t)
{
	secret_wipe(t->body.data, t->body.len);
	buf_clear(&t->body);
	http_clear(&t->req);
	free(t);
}

static void on_done(struct request *r, int result, struct err *why)
{
	struct token_request *t = r->owner;
	struct grant *g = t->grant;

	if (result == 0 && read_answer(g, &t->body) < 0)
		err_set(why, EPROTO, "'%s': the answer of its token service holds no token",
			g->ep->name);
	else if (result < 0)
		err_ctx(why, 0, "token");
	g->asking = NULL;
	wake(r->reg, g, why);
	token_request_free(t);
}

int token_ask(struct registry *reg, struct grant *g, struct err *e)
{
	struct registry_event ev = { .kind = REGISTRY_EV_TOKEN };
	struct token_request *t = mem_new(struct token_request);
	struct request *r = &t->req;
	bool has_secret = secret_is_set(&g->creds.password) ||
			  secret_is_set(&g->creds.identity_token);
	int ret;

	http_init(r, reg, g->ep, &token_body);
	buf_init(&t->body, MAX_TOKEN);
	t->grant = g;
	r->grant = g;
	r->is_token = true;
	r->owner = t;
	r->done = on_done;
	ret = url_parse(&r->start, g->ep->realm, e);
	if (ret == 0 && has_secret)
		ret = check_trusted(reg, g->ep, &r->start, e);
	if (ret == 0 && secret_is_set(&g->creds.identity_token))
		set_post(r, g);
	else if (ret == 0)
		ret = set_get(r, g, e);
	if (ret < 0) {
		token_request_free(t);
		return err_ctx(e, ret, "'%s'", g->ep->name);
	}
	ev.host = r->start.host;
	http_tell(r, &ev);
	g->asking = r;
	http_start(r);
	return 0;
}
