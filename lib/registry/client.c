#include "lib/registry/client.h"

#include <assert.h>
#include <string.h>
#include <sys/random.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/ref.h"
#include "lib/registry/addr.h"
#include "lib/registry/auth.h"
#include "lib/registry/http.h"

#define DOCKER_ENDPOINT "registry-1.docker.io"
#define IDLE_CONNECTIONS 16

static void set_default(unsigned *value, unsigned standard)
{
	if (!*value)
		*value = standard;
}

static void fill_limits(struct registry_limits *l)
{
	set_default(&l->connect_ms, 20000);
	set_default(&l->slow_bytes_s, 1024);
	set_default(&l->slow_s, 30);
	set_default(&l->attempts, 5);
	set_default(&l->backoff_ms, 500);
	set_default(&l->backoff_max_ms, 30000);
	set_default(&l->retry_after_max_s, 60);
	set_default(&l->parallel, 6);
}

int registry_open(struct registry **out, const struct registry_options *o,
		  struct err *e)
{
	struct registry *reg;

	/* Counted by libcurl: one cleanup for each. */
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return err_set(e, EPROTO, "start libcurl");
	reg = mem_new(struct registry);
	reg->opt = *o;
	fill_limits(&reg->opt.limits);
	if (getrandom(&reg->random, sizeof(reg->random), GRND_NONBLOCK) < 0 ||
	    !reg->random)
		reg->random = (uint32_t)clock_mono_ns() | 1;
	reg->multi = curl_multi_init();
	if (!reg->multi) {
		registry_close(reg);
		return err_set(e, ENOMEM, "start libcurl");
	}
	curl_multi_setopt(reg->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS);
	curl_multi_setopt(reg->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	*out = reg;
	return 0;
}

static void free_endpoint(struct endpoint *ep)
{
	while (ep->grants) {
		struct grant *g = ep->grants;

		ep->grants = g->next;
		auth_grant_free(g);
	}
	free(ep->name);
	free(ep->authority);
	free(ep->realm);
	free(ep->service);
	free(ep);
}

void registry_close(struct registry *reg)
{
	if (!reg)
		return;
	http_cancel_all(reg);
	if (reg->multi)
		curl_multi_cleanup(reg->multi);
	while (reg->endpoints) {
		struct endpoint *ep = reg->endpoints;

		reg->endpoints = ep->next;
		free_endpoint(ep);
	}
	while (reg->sites) {
		struct site *s = reg->sites;

		reg->sites = s->next;
		tls_trust_clear(&s->trust);
		free(s->authority);
		free(s);
	}
	free(reg);
	curl_global_cleanup();
}

/* --- places --- */

struct site *http_site(struct registry *reg, const char *authority,
		       struct err *e)
{
	struct site *s;

	for (s = reg->sites; s; s = s->next)
		if (str_eq(s->authority, authority))
			return s;
	s = mem_new(struct site);
	s->trust = (struct tls_trust)TLS_TRUST_INIT;
	s->trust.insecure = reg->opt.insecure && strv_has(reg->opt.insecure, authority);
	if (tls_trust_load(&s->trust, reg->opt.cert_dirs, authority, e) < 0) {
		tls_trust_clear(&s->trust);
		free(s);
		return NULL;
	}
	s->authority = mem_str(authority);
	s->next = reg->sites;
	reg->sites = s;
	return s;
}

bool http_is_plain(const struct registry *reg, const struct url *u)
{
	AUTO_FREE char *authority = url_authority(u);

	return reg->opt.plain_http && strv_has(reg->opt.plain_http, authority);
}

struct endpoint *http_endpoint(struct registry *reg, const char *name,
			       struct err *e)
{
	const char *authority = str_eq(name, REF_DOCKER) ? DOCKER_ENDPOINT : name;
	AUTO(url) struct url u = URL_INIT;
	AUTO_FREE char *text = NULL;
	const struct strv *plain = reg->opt.plain_http;
	struct endpoint *ep;
	struct site *site;

	for (ep = reg->endpoints; ep; ep = ep->next)
		if (str_eq(ep->name, name))
			return ep;
	text = mem_printf("https://%s/", authority);
	if (url_parse(&u, text, e) < 0) {
		err_ctx(e, 0, "registry '%s'", name);
		return NULL;
	}
	if (!str_eq(u.path, "/") || strchr(u.text, '?')) {
		err_set(e, EINVAL, "'%s' is no registry host", name);
		return NULL;
	}
	site = http_site(reg, authority, e);
	if (!site)
		return NULL;

	ep = mem_new(struct endpoint);
	ep->name = mem_str(name);
	ep->authority = mem_str(authority);
	ep->is_plain = plain && (strv_has(plain, name) || strv_has(plain, "*"));
	/* Who keeps certificates for a loopback registry means https. */
	ep->is_undecided = !ep->is_plain && addr_is_loopback_host(u.host) &&
			   !site->trust.has_dir && !site->trust.insecure;
	ep->is_https = !ep->is_plain && !ep->is_undecided;
	ep->next = reg->endpoints;
	reg->endpoints = ep;
	return ep;
}

/* --- the loop --- */

static int clamp(int timeout_ms, int due_ms)
{
	if (due_ms < 0)
		return timeout_ms;
	return timeout_ms < 0 || due_ms < timeout_ms ? due_ms : timeout_ms;
}

int registry_step(struct registry *reg, struct pollfd *extra, size_t count,
		  int timeout_ms, struct err *e)
{
	struct curl_waitfd wait[REGISTRY_EXTRA_FDS];
	int due_ms;
	CURLMcode c;

	assert(count <= REGISTRY_EXTRA_FDS);
	if (reg->stopping)
		http_cancel_all(reg);
	due_ms = http_step(reg);
	if (reg->stopping)
		http_cancel_all(reg);
	if (!reg->first && !count)
		return 0;
	for (size_t i = 0; i < count; i++)
		wait[i] = (struct curl_waitfd){
			.fd = extra[i].fd,
			.events = extra[i].events,
		};
	timeout_ms = clamp(timeout_ms, due_ms);
	/* curl knows no "for ever"; it wakes for its own timers anyway. */
	c = curl_multi_poll(reg->multi, count ? wait : NULL, (unsigned)count,
			    timeout_ms < 0 ? 60000 : timeout_ms, NULL);
	if (c)
		return err_set(e, EPROTO, "wait for the network: %s",
			       curl_multi_strerror(c));
	for (size_t i = 0; i < count; i++)
		extra[i].revents = wait[i].revents;
	return (int)reg->blobs_left;
}

int registry_run(struct registry *reg, struct err *e)
{
	int r;

	while (reg->blobs_left) {
		r = registry_step(reg, NULL, 0, -1, e);
		if (r < 0) {
			/* Nothing may point to what callers have any more. */
			http_cancel_all(reg);
			return r;
		}
	}
	return 0;
}

void registry_stop(struct registry *reg)
{
	reg->stopping = true;
}

enum registry_error registry_error_kind(int ret)
{
	switch (-ret) {
	case ECONNREFUSED:
	case ECONNRESET:
	case ETIMEDOUT:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case EAGAIN:
		return REGISTRY_ERR_NETWORK;
	case EACCES:
	case EKEYREJECTED:
		return REGISTRY_ERR_AUTH;
	case ENOENT:
		return REGISTRY_ERR_NOT_FOUND;
	case EBADMSG:
	case EPROTO:
	case EFBIG:
		return REGISTRY_ERR_INTEGRITY;
	case ENOSPC:
	case EDQUOT:
		return REGISTRY_ERR_SPACE;
	default:
		return REGISTRY_ERR_OTHER;
	}
}
