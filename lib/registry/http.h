/* http.h - one request of a registry client, through all its attempts.
 * Internal to lib/registry.
 *
 * How it works.  A request is a small state machine driven by http_step():
 *
 *   QUEUED --> TOKEN (waits for its grant) --> QUEUED
 *     |
 *     v
 *   RUNNING --> over: redirect, 401 with a way out, retry  --> QUEUED, PAUSED
 *                     anything else                        --> done()
 *
 * Every attempt begins at the registry's own URL: a redirect may be signed
 * for a short time.  Within an attempt each hop is a transfer of its own, so
 * that headers are decided per hop.
 *
 * Ownership: a request belongs to the registry from http_start() on until its
 * done() was called; whoever made it frees it there or later.
 */
#pragma once

#include <curl/curl.h>
#include <poll.h>

#include "lib/base/buf.h"
#include "lib/base/secret.h"
#include "lib/registry/client.h"
#include "lib/registry/response.h"
#include "lib/registry/retry.h"
#include "lib/registry/tls.h"
#include "lib/registry/url.h"

#define MAX_REDIRECTS 10
#define MAX_REFUSALS 2		/* 401 in a row before it is an answer */

struct grant;
struct request;

/* A host:port that was or will be connected to. */
struct site {
	struct site *next;
	char *authority;
	struct tls_trust trust;
};

/* A registry as references name it. */
struct endpoint {
	struct endpoint *next;
	char *name;
	char *authority;	/* what it is connected by */
	bool is_https;
	bool is_plain;		/* the user said that it speaks http */
	bool is_undecided;	/* loopback: http until it proves otherwise */
	unsigned seen;		/* bit per addr_class where it answered */
	bool wants_basic;
	char *realm;		/* wants a token from here */
	char *service;
	struct grant *grants;
};

struct registry {
	struct registry_options opt;
	CURLM *multi;
	struct request *first;	/* in the order they were started */
	struct endpoint *endpoints;
	struct site *sites;
	size_t blobs_left;	/* fetches not done */
	size_t blobs_running;
	bool stopping;
	uint32_t random;
};

enum http_method {
	HTTP_GET,
	HTTP_HEAD,
	HTTP_POST,		/* of a form */
	HTTP_PUT,
	HTTP_UPLOAD,		/* POST for a place, then PUT there: hops of one attempt */
};

enum request_state { REQ_NEW, REQ_QUEUED, REQ_TOKEN, REQ_PAUSED, REQ_RUNNING, REQ_OVER };

/* What becomes of the body of a 2xx response.  An error that sets r->again
 * is retried. */
struct request_body {
	/* NULL: nothing is asked for beyond the whole */
	void (*headers)(struct request *r, struct curl_slist **list);
	/* PUT, UPLOAD: the len bytes that come after r->sent */
	int (*give)(struct request *r, char *data, size_t len, struct err *e);
	int (*begin)(struct request *r, struct err *e);
	int (*data)(struct request *r, const char *data, size_t len, struct err *e);
	int (*end)(struct request *r, struct err *e);
	/* May a status that is no success go away when it is asked again?
	 * NULL: as retry_of_status() says. */
	bool (*may_pass)(struct request *r);
};

struct request {
	struct request *next;
	struct registry *reg;
	struct endpoint *ep;
	const struct request_body *body;
	void (*done)(struct request *r, int result, struct err *why);
	void *owner;

	/* what is asked */
	enum http_method method;
	struct url start;	/* unset: path at the endpoint */
	char *path;
	const char *accept;	/* may be NULL */
	struct secret form;	/* POST: application/x-www-form-urlencoded */
	uint64_t size;		/* PUT, UPLOAD: how many bytes are sent */
	const char *digest;	/* UPLOAD: theirs */
	struct secret own_auth;	/* Authorization of a token request */
	struct grant *grant;	/* NULL: none needed */
	bool is_blob;
	bool is_moot;		/* nothing is left to ask for */
	bool is_token;		/* asks for a token, so it cannot bring one */

	/* where it is */
	enum request_state state;
	uint64_t due_ns;
	struct url url;		/* this hop */
	unsigned hops;
	bool is_placed;		/* UPLOAD: this hop is the PUT */
	uint64_t sent;		/* with this hop */
	bool guarded;		/* somebody else chose this place */
	bool is_away;		/* a redirect left the origin: no credentials */
	bool has_basic;		/* was sent with this hop */
	bool is_refused;	/* an address was not allowed */
	bool is_cut;		/* we stopped reading what we do not need */
	bool via_proxy;
	bool is_callers;	/* err came from a sink: it says all itself */
	unsigned failures;
	unsigned refusals;
	uint64_t moved;		/* bytes delivered since the last failure */
	enum retry_class again;	/* for an error set while it ran */
	uint64_t generation;	/* of the token that was sent */
	struct err err;		/* set while it ran */

	CURL *easy;
	struct curl_slist *headers;
	struct response resp;
	struct buf text;	/* body of an error */
	char curl_text[CURL_ERROR_SIZE];
};

void http_init(struct request *r, struct registry *reg, struct endpoint *ep,
	       const struct request_body *body);
void http_clear(struct request *r);		/* not while it is started */
void http_start(struct request *r);

/* Starts and ends what can be; returns ms until the next thing is due, -1:
 * nothing is. */
int http_step(struct registry *reg);
void http_cancel_all(struct registry *reg);

/* Runs the loop until r is over. */
int http_wait(struct request *r, struct err *e) MUST_CHECK;

/* An event for the user; ev->host is filled in. */
void http_tell(struct request *r, struct registry_event *ev);

/* Appends a header line; the list's strings are wiped with it. */
void http_add_header(struct curl_slist **list, const char *name, const char *value);

struct endpoint *http_endpoint(struct registry *reg, const char *name,
			       struct err *e) MUST_CHECK;

/* Did the user list this very place as speaking http? */
bool http_is_plain(const struct registry *reg, const struct url *u);
struct site *http_site(struct registry *reg, const char *authority,
		       struct err *e) MUST_CHECK;
