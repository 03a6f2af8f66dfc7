#include "lib/registry/outcome.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"
#include "lib/registry/addr.h"
#include "lib/registry/auth.h"

#define MAX_MESSAGE 300

static enum outcome again_now(struct request *r)
{
	r->hops = 0;
	r->state = REQ_QUEUED;
	return OUTCOME_AGAIN;
}

/* Names the place the way to which failed. */
static void name_place(const struct request *r, struct err *why)
{
	if (r->is_callers)
		return;
	if (r->failures > 1)
		err_ctx(why, 0, "after %u attempts", r->failures);
	if (r->guarded && r->url.host && !str_eq(r->url.host, r->ep->name))
		err_ctx(why, 0, "'%s' sent us to '%s'", r->ep->name, r->url.host);
	else
		err_ctx(why, 0, "'%s'", r->ep->name);
}

static uint64_t pause_ms(struct request *r, bool *is_told)
{
	const struct registry_limits *l = &r->reg->opt.limits;
	struct registry *reg = r->reg;
	uint64_t ms;

	*is_told = r->resp.retry_after && (r->resp.status == 429 || r->resp.status == 503) &&
		   retry_after_ms(r->resp.retry_after, clock_wall_ns() / NS_PER_S,
				  l->retry_after_max_s, &ms);
	if (*is_told)
		return ms;
	/* xorshift: only keeps many clients from asking in step */
	reg->random ^= reg->random << 13;
	reg->random ^= reg->random >> 17;
	reg->random ^= reg->random << 5;
	return retry_pause_ms(r->failures, l->backoff_ms, l->backoff_max_ms,
			      reg->random);
}

/* why is set: asks again after a pause, or gives up with it. */
static enum outcome failed(struct request *r, enum retry_class class,
			   struct err *why)
{
	unsigned most = r->reg->opt.limits.attempts;
	struct registry_event ev = { .kind = REGISTRY_EV_RETRY };
	bool is_told;

	if (r->moved >= RETRY_PROGRESS)
		r->failures = r->refusals = 0;
	r->moved = 0;
	r->failures++;
	if (class == RETRY_FEW && most > RETRY_FEW_ATTEMPTS)
		most = RETRY_FEW_ATTEMPTS;
	if (class == RETRY_NEVER || r->failures >= most) {
		name_place(r, why);
		return OUTCOME_DONE;
	}

	ev.wait_ms = pause_ms(r, &is_told);
	if (r->resp.status == 429)
		ev.kind = REGISTRY_EV_RATE_LIMIT;
	ev.text = why->text;
	ev.attempt = r->failures + 1;
	http_tell(r, &ev);
	err_clear(why);
	r->hops = 0;
	r->due_ns = clock_mono_ns() + ev.wait_ms * NS_PER_MS;
	r->state = REQ_PAUSED;
	return OUTCOME_AGAIN;
}

static enum outcome refused(struct request *r, struct err *why)
{
	return failed(r, RETRY_NEVER, why);
}

/* --- failed transfers --- */

static const char *hint_of_curl(CURLcode code)
{
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		return "registry.ca";
	case CURLE_SSL_CONNECT_ERROR:
		return "registry.plain-http";
	case CURLE_COULDNT_RESOLVE_HOST:
		return "registry.resolve";
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_PROXY:
		return "registry.proxy";
	default:
		return NULL;
	}
}

static int code_of_curl(struct request *r, CURLcode code)
{
	long number = 0;

	if (code == CURLE_COULDNT_CONNECT)
		curl_easy_getinfo(r->easy, CURLINFO_OS_ERRNO, &number);
	switch (number) {
	case ECONNREFUSED:
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ECONNRESET:
		return (int)number;
	default:
		return retry_errno_of_curl((int)code);
	}
}

static enum outcome transfer_failed(struct request *r, CURLcode code,
				    struct err *why)
{
	const char *text = r->curl_text[0] ? r->curl_text : curl_easy_strerror(code);
	const char *hint = hint_of_curl(code);
	long connect_status = 0;
	int ret;

	if (r->is_refused) {
		err_set(why, EPROTO, r->guarded ?
			"its address is on this machine or link, where the registry is not" :
			"http is only for this machine, and this address is not");
		return refused(r, why);
	}
	curl_easy_getinfo(r->easy, CURLINFO_HTTP_CONNECTCODE, &connect_status);
	if (r->via_proxy && connect_status == 407) {
		err_set(why, EACCES, "the proxy wants other credentials");
		err_hint(why, 0, "registry.proxy");
		return refused(r, why);
	}
	ret = err_set(why, code_of_curl(r, code), "%s", text);
	if (hint)
		err_hint(why, ret, hint);
	/* On loopback the next attempt is another protocol's. */
	return failed(r, r->ep->is_undecided && hint ? RETRY_OFTEN :
			 retry_of_curl((int)code), why);
}

/* A loopback registry is asked by http first, because a TLS server answers
 * that at once (with an error), whereas an http server may wait for ever for
 * the end of a TLS greeting.  A server that merely failed looks the same, so
 * the two take turns until one of them gave a real answer.  No secret is sent
 * before that. */
static bool turns_to_https(struct request *r, CURLcode code)
{
	struct endpoint *ep = r->ep;
	bool is_odd = r->resp.status == 400 ||
		      (!r->resp.status && (code == CURLE_RECV_ERROR ||
					   code == CURLE_GOT_NOTHING ||
					   code == CURLE_UNSUPPORTED_PROTOCOL ||
					   code == CURLE_WEIRD_SERVER_REPLY));

	if (r->guarded || !ep->is_undecided)
		return false;
	if (!ep->is_https && is_odd) {
		ep->is_https = true;
		return true;
	}
	if (ep->is_https && code == CURLE_SSL_CONNECT_ERROR)
		ep->is_https = false;
	else if (code == CURLE_OK)
		ep->is_undecided = false;
	return false;
}

/* --- answers --- */

static bool is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 ||
	       status == 307 || status == 308;
}

static int check_redirect(struct request *r, const struct url *to, struct err *e)
{
	enum addr_class c;

	if (++r->hops > MAX_REDIRECTS)
		return err_set(e, EPROTO, "more than %d redirects", MAX_REDIRECTS);
	if (r->method == HTTP_POST)
		return err_set(e, EPROTO, "a token request was redirected");
	if (r->url.is_https && !to->is_https)
		return err_set(e, EPROTO, "redirect from https to http refused");
	if (!to->is_https && !url_is_same_origin(&r->url, to) &&
	    !addr_is_loopback_host(to->host) && !http_is_plain(r->reg, to))
		return err_set(e, EPROTO, "redirect to http on another host refused");
	/* A proxy hides the address we connect to; a literal one is known. */
	if (addr_class_of_text(to->host, &c) && c != ADDR_ORDINARY &&
	    !(r->ep->seen & 1u << c))
		return err_set(e, EPROTO, "redirect to '%s' refused: the registry is not there",
			       to->host);
	return 0;
}

/* To where Location says: a redirect, or the place for an upload. */
static enum outcome follow(struct request *r, struct err *why)
{
	bool gives_place = r->resp.status < 300;
	AUTO(url) struct url to = URL_INIT;
	struct registry_event ev = { .kind = REGISTRY_EV_REDIRECT };
	int ret;

	if (!r->resp.location)
		ret = err_set(why, EPROTO, "HTTP %ld without Location", r->resp.status);
	else
		ret = url_resolve(&to, &r->url, r->resp.location, why);
	if (ret == 0 && gives_place)
		ret = url_add_query(&to, "digest", r->digest, why);
	if (ret == 0)
		ret = check_redirect(r, &to, why);
	if (ret < 0)
		return refused(r, why);

	r->is_placed |= gives_place;
	/* Who was led away once gets no credentials back, even at home. */
	if (!url_is_same_origin(&r->url, &to)) {
		r->guarded = r->is_away = true;
		ev.host = to.host;
		http_tell(r, &ev);
	}
	url_clear(&r->url);
	r->url = to;
	to = (struct url)URL_INIT;
	r->state = REQ_QUEUED;
	return OUTCOME_AGAIN;
}

/* The registry's own words, when it has some that are fit to repeat. */
static void add_message(struct request *r, char *out, size_t size)
{
	AUTO(json) json_t *doc = NULL;
	struct err ignored = ERR_INIT;
	const char *text = NULL;
	struct json_at root, list, item;

	*out = '\0';
	if (json_load_strict(&doc, r->text.data, r->text.len, &ignored) < 0)
		return;
	root = json_root(doc);
	if (json_get_list(&list, &root, "errors", 100, JSON_MUST, &ignored) <= 0 ||
	    !json_len(&list))
		return;
	item = json_item(&list, 0);
	if (json_get_string(&text, &item, "message", JSON_MUST, &ignored) <= 0 ||
	    auth_is_leaky(r, text))
		return;
	snprintf(out, size, ": %.*s", MAX_MESSAGE, text);
}

static const struct {
	long status;
	const char *text;
	const char *hint;
} words[] = {
	{ 401, "credentials were refused", "registry.auth" },
	{ 403, "access denied", "registry.auth" },
	{ 404, "not found", NULL },
	{ 407, "the proxy wants other credentials", "registry.proxy" },
	{ 429, "too many requests", "registry.rate-limit" },
};

static enum outcome bad_status(struct request *r, struct err *why)
{
	char message[MAX_MESSAGE + 8];
	const char *text = "HTTP error", *hint = NULL;
	long status = r->resp.status;
	int ret;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (words[i].status == status) {
			text = words[i].text;
			hint = words[i].hint;
		}
	}
	add_message(r, message, sizeof(message));
	ret = err_set(why, retry_errno_of_status(status), "%s (HTTP %ld)%s", text,
		      status, message);
	if (hint)
		err_hint(why, ret, hint);
	if (r->body->may_pass && r->body->may_pass(r))
		return failed(r, RETRY_OFTEN, why);
	return failed(r, retry_of_status(status), why);
}

static enum outcome success(struct request *r, struct err *why)
{
	if (r->method == HTTP_UPLOAD && !r->is_placed)
		return follow(r, why);
	if (!r->body->end || r->body->end(r, why) == 0)
		return OUTCOME_DONE;
	return failed(r, r->again, why);
}

static void note_place(struct request *r)
{
	enum addr_class c;
	char *ip = NULL;

	if (r->guarded || r->via_proxy || !r->resp.is_complete)
		return;
	if (!curl_easy_getinfo(r->easy, CURLINFO_PRIMARY_IP, &ip) && ip &&
	    addr_class_of_text(ip, &c))
		r->ep->seen |= 1u << c;
}

enum outcome outcome_of(struct request *r, CURLcode code, struct err *why)
{
	note_place(r);
	if (turns_to_https(r, code)) {
		err_clear(&r->err);
		return again_now(r);
	}
	if (r->err.code) {
		err_move(why, &r->err);
		return failed(r, r->again, why);
	}
	if (code && !r->is_cut)
		return transfer_failed(r, code, why);
	if (is_redirect(r->resp.status))
		return follow(r, why);
	if (r->resp.status == 401 && !r->guarded) {
		if (auth_challenged(r, why) < 0)
			return refused(r, why);
		return again_now(r);
	}
	if (r->resp.status >= 200 && r->resp.status < 300)
		return success(r, why);
	return bad_status(r, why);
}
