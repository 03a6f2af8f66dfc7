/* client.h - one registry client: connections, limits, retries, events.
 *
 * A struct registry is one curl_multi loop for any number of hosts.  Requests
 * run side by side; connections are kept and used again.  It reads neither
 * environment nor files other than certificates: all policy comes in the
 * options, whose strings must live as long as the registry.
 *
 * Transport: https only.  http is spoken to a host:port listed in plain_http,
 * and to loopback hosts (127.0.0.0/8, ::1, localhost) that do not answer like
 * a TLS server and have no directory in cert_dirs; the connected address is
 * checked too.  Redirects are followed
 * by us: at most 10, never from https to http, never with Authorization to
 * another origin, never to loopback, link-local or multicast addresses unless
 * the registry itself is there.
 *
 * What is asked again: lost connections, time-outs, 408, 429, 5xx, slow
 * transfers; with growing random pauses, or as Retry-After says.  A fetch that
 * moved on since its last failure starts its count of attempts anew.
 *
 * Errors are of five kinds, told apart by registry_error_kind(): network
 * (-ECONNREFUSED -ECONNRESET -ETIMEDOUT -EHOSTUNREACH, -EHOSTDOWN for 5xx,
 * -EAGAIN for 429),
 * auth (-EACCES, -EKEYREJECTED for certificates), -ENOENT, integrity (-EBADMSG
 * wrong bytes or length, -EPROTO no sane HTTP or registry, -EFBIG over a
 * limit), and what the caller's own callbacks returned (-ENOSPC ...).
 * Hint keys: registry.auth registry.plain-http registry.ca registry.rate-limit
 * registry.realm registry.proxy registry.resolve registry.helper.
 * No error or event text holds a secret, a user or a URL's query.
 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/strv.h"
#include "lib/registry/creds.h"

struct registry;

enum registry_event_kind {
	REGISTRY_EV_RETRY,	/* will ask again in wait_ms; text says why */
	REGISTRY_EV_RATE_LIMIT,	/* the same, because of 429 */
	REGISTRY_EV_RESUME,	/* a blob goes on at offset */
	REGISTRY_EV_REDIRECT,	/* to host */
	REGISTRY_EV_TOKEN,	/* asks host for a token */
};

struct registry_event {
	enum registry_event_kind kind;
	const char *host;
	const char *text;	/* may be NULL */
	unsigned attempt;	/* the next one, from 2 */
	uint64_t wait_ms;
	uint64_t offset;
};

typedef void registry_event_fn(const struct registry_event *ev, void *arg);

/* A member that is 0 means the default in brackets. */
struct registry_limits {
	unsigned connect_ms;		/* [20000] */
	unsigned slow_bytes_s;		/* [1024] slower than this ... */
	unsigned slow_s;		/* [30] ... for so long: start again */
	unsigned attempts;		/* [5] in a row without progress */
	unsigned backoff_ms;		/* [500] doubled each time, half random */
	unsigned backoff_max_ms;	/* [30000] */
	unsigned retry_after_max_s;	/* [60] */
	unsigned parallel;		/* [6] blobs at once */
};

struct registry_options {
	const char *user_agent;
	const struct strv *plain_http;	/* host:port that speak http; "*": all
					 * hosts that references name */
	const struct strv *insecure;	/* host:port whose certificate is not
					 * checked */
	const struct strv *cert_dirs;	/* certs.d: the first that has
					 * <dir>/<host:port>/ counts */
	const struct strv *realms;	/* "host=realmhost": may get passwords
					 * of host besides its relatives */
	const char *http_proxy;		/* URLs; NULL or "": none */
	const char *https_proxy;
	const char *no_proxy;
	registry_creds_fn *creds;	/* NULL: anonymous */
	void *creds_arg;
	registry_event_fn *event;	/* may be NULL */
	void *event_arg;
	struct registry_limits limits;
};

int registry_open(struct registry **out, const struct registry_options *o,
		  struct err *e) MUST_CHECK;
void registry_close(struct registry *reg);	/* NULL is fine */

/* Lets requests run until something happened, an extra descriptor is ready
 * (its revents are set) or timeout_ms passed (-1: for ever).  Returns how many
 * fetches are not done yet. At most REGISTRY_EXTRA_FDS extra descriptors. */
#define REGISTRY_EXTRA_FDS 64
int registry_step(struct registry *reg, struct pollfd *extra, size_t count,
		  int timeout_ms, struct err *e) MUST_CHECK;

/* Steps until every fetch is done or registry_stop() was called; on an error
 * they are dropped. */
int registry_run(struct registry *reg, struct err *e) MUST_CHECK;

/* Drops every fetch: their done() is called with -ECANCELED at the next step.
 * May be called from callbacks. */
void registry_stop(struct registry *reg);

enum registry_error {
	REGISTRY_ERR_NETWORK, REGISTRY_ERR_AUTH, REGISTRY_ERR_NOT_FOUND,
	REGISTRY_ERR_INTEGRITY, REGISTRY_ERR_SPACE, REGISTRY_ERR_OTHER,
};

enum registry_error registry_error_kind(int ret);

static inline void registry_auto(struct registry **reg)
{
	registry_close(*reg);
	*reg = NULL;
}
