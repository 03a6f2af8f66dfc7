#include "lib/registry/http.h"

#include <string.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/registry/addr.h"
#include "lib/registry/auth.h"
#include "lib/registry/outcome.h"

/* Fewer, larger reads from the socket: the copy into curl's buffer is most of
 * what a download costs.  The same for what is sent. */
#define TRANSFER_BUFFER 524288L

/* A registry answers to a blob when it has hashed and stored it: until then
 * the line is silent, and may be so that many times longer. */
#define PUT_PATIENCE 10

void http_init(struct request *r, struct registry *reg, struct endpoint *ep,
	       const struct request_body *body)
{
	*r = (struct request){
		.reg = reg,
		.ep = ep,
		.body = body,
		.text = BUF_INIT(MAX_ERROR_BODY),
		.err = ERR_INIT,
	};
}

static void wipe_headers(struct curl_slist **list)
{
	for (struct curl_slist *h = *list; h; h = h->next)
		secret_wipe(h->data, strlen(h->data));
	curl_slist_free_all(*list);
	*list = NULL;
}

void http_clear(struct request *r)
{
	if (r->easy)
		curl_easy_cleanup(r->easy);
	wipe_headers(&r->headers);
	url_clear(&r->start);
	url_clear(&r->url);
	free(r->path);
	secret_clear(&r->form);
	secret_clear(&r->own_auth);
	response_clear(&r->resp);
	buf_clear(&r->text);
	r->easy = NULL;
	r->path = NULL;
}

void http_add_header(struct curl_slist **list, const char *name, const char *value)
{
	AUTO(secret) struct secret line = SECRET_INIT;
	struct curl_slist *more;

	secret_setf(&line, "%s: %s", name, value);
	more = curl_slist_append(*list, line.text);
	/* NULL: no memory.  The request lacks a line and is refused for it. */
	if (more)
		*list = more;
}

void http_tell(struct request *r, struct registry_event *ev)
{
	if (!ev->host)
		ev->host = r->ep->name;
	if (r->reg->opt.event)
		r->reg->opt.event(ev, r->reg->opt.event_arg);
}

/* --- what curl calls while a transfer runs --- */

static bool is_success(const struct request *r)
{
	return r->resp.status >= 200 && r->resp.status < 300;
}

static int headers_complete(struct request *r)
{
	if (!is_success(r))
		return 0;
	/* The place for an upload is not an answer yet. */
	if (r->method != HTTP_UPLOAD || r->is_placed)
		r->refusals = 0;
	if (r->resp.is_encoded)
		return err_set(&r->err, EPROTO,
			       "the answer has a Content-Encoding that was not asked for");
	return r->body->begin ? r->body->begin(r, &r->err) : 0;
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
	struct request *r = arg;
	size_t len = size * count;
	bool was_complete = r->resp.is_complete;

	if (response_line(&r->resp, line, len, &r->err) < 0)
		return 0;
	if (r->resp.is_complete && !was_complete && headers_complete(r) < 0)
		return 0;
	return len;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct request *r = arg;
	size_t len = size * count;

	if (is_success(r))
		return r->body->data(r, data, len, &r->err) < 0 ? 0 : len;
	/* Bodies of errors are for people, and redirects need none. */
	if (buf_add(&r->text, data, len) < 0) {
		r->is_cut = true;
		return 0;
	}
	return len;
}

static size_t on_send(char *data, size_t size, size_t count, void *arg)
{
	struct request *r = arg;
	uint64_t left = r->size - r->sent;
	size_t len = size * count < left ? size * count : (size_t)left;

	if (len && r->body->give(r, data, len, &r->err) < 0) {
		r->is_callers = true;
		return CURL_READFUNC_ABORT;
	}
	r->sent += len;
	return len;
}

/* Who may be connected to is decided on the address: names lie.  Behind a
 * proxy the address is the proxy's, which the user chose. */
static curl_socket_t on_open(void *arg, curlsocktype purpose UNUSED,
			     struct curl_sockaddr *sa)
{
	struct request *r = arg;
	enum addr_class c = addr_class_of(&sa->addr);
	bool allowed = true;

	if (r->via_proxy)
		allowed = true;
	else if (r->guarded)
		allowed = c == ADDR_ORDINARY || (r->ep->seen & 1u << c);
	else if (!r->url.is_https && !r->ep->is_plain)
		allowed = c == ADDR_LOOPBACK;
	if (!allowed) {
		r->is_refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(sa->family, sa->socktype | SOCK_CLOEXEC, sa->protocol);
}

/* --- one transfer --- */

static void choose_proxy(struct request *r)
{
	const struct registry_options *o = &r->reg->opt;
	const char *proxy = r->url.is_https ? o->https_proxy : o->http_proxy;

	if (str_is_empty(proxy) || addr_is_loopback_host(r->url.host) ||
	    (o->no_proxy && addr_in_no_proxy(o->no_proxy, r->url.host, r->url.port)))
		proxy = "";
	r->via_proxy = *proxy != '\0';
	/* Both set, even to nothing, so that curl does not ask the environment. */
	curl_easy_setopt(r->easy, CURLOPT_PROXY, proxy);
	curl_easy_setopt(r->easy, CURLOPT_NOPROXY, "");
	curl_easy_setopt(r->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

static void set_limits(CURL *easy, const struct registry_limits *l)
{
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)l->connect_ms);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)l->slow_bytes_s);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)l->slow_s);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, TRANSFER_BUFFER);
}

static void set_callbacks(struct request *r)
{
	CURL *easy = r->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, r);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, r->curl_text);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, r);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, r);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, r);
}

static void set_post(struct request *r, const char *text, size_t len)
{
	curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE, (long)len);
	curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, text);
}

static void set_put(struct request *r)
{
	CURL *easy = r->easy;

	r->sent = 0;
	curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->size);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_send);
	curl_easy_setopt(easy, CURLOPT_READDATA, r);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, TRANSFER_BUFFER);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
			 (long)r->reg->opt.limits.slow_s * PUT_PATIENCE);
}

static void set_method(struct request *r)
{
	switch (r->method) {
	case HTTP_GET:
		break;
	case HTTP_HEAD:
		curl_easy_setopt(r->easy, CURLOPT_NOBODY, 1L);
		break;
	case HTTP_POST:
		set_post(r, r->form.text, r->form.len);
		break;
	case HTTP_PUT:
		set_put(r);
		break;
	case HTTP_UPLOAD:
		if (r->is_placed)
			set_put(r);
		else
			set_post(r, "", 0);
		break;
	}
}

static void set_headers(struct request *r)
{
	if (r->accept)
		http_add_header(&r->headers, "Accept", r->accept);
	http_add_header(&r->headers, "Accept-Encoding", "identity");
	/* curl would wait for a leave to send, which some never give. */
	http_add_header(&r->headers, "Expect", "");
	if (r->body->headers)
		r->body->headers(r, &r->headers);
	curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
	curl_easy_setopt(r->easy, CURLOPT_USERAGENT,
			 str_or(r->reg->opt.user_agent, "coracle"));
}

static int set_url(struct request *r, struct err *e)
{
	AUTO_FREE char *authority = url_authority(&r->url);
	struct site *site = http_site(r->reg, authority, e);

	if (!site)
		return -e->code;
	curl_easy_setopt(r->easy, CURLOPT_URL, r->url.text);
	curl_easy_setopt(r->easy, CURLOPT_PROTOCOLS_STR,
			 r->url.is_https ? "https" : "http");
	curl_easy_setopt(r->easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(r->easy, CURLOPT_NOSIGNAL, 1L);
	/* One stream per connection: parallel blobs then have windows of their
	 * own, and cost less than frames of one. */
	curl_easy_setopt(r->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	tls_apply(r->easy, &site->trust);
	return 0;
}

/* The first hop of an attempt. */
static int first_url(struct request *r, struct err *e)
{
	AUTO_FREE char *text = NULL;

	r->hops = 0;
	r->is_away = r->is_placed = false;
	if (r->start.text) {
		/* A token service: chosen by the registry, not by the user. */
		r->guarded = true;
		return url_parse(&r->url, r->start.text, e);
	}
	r->guarded = false;
	text = mem_printf("%s://%s%s", r->ep->is_https ? "https" : "http",
			  r->ep->authority, r->path);
	return url_parse(&r->url, text, e);
}

/* Starts the transfer of this hop: 0, 1 when it has to wait for a token. */
static int begin_hop(struct request *r, struct err *e)
{
	int waits;
	int ret;

	response_clear(&r->resp);
	buf_reset(&r->text);
	wipe_headers(&r->headers);
	r->curl_text[0] = '\0';
	r->is_cut = r->is_refused = r->is_callers = r->has_basic = false;
	r->again = RETRY_NEVER;

	waits = auth_prepare(r, e);
	if (waits)
		return waits;
	if (!r->easy)
		r->easy = curl_easy_init();
	else
		curl_easy_reset(r->easy);
	if (!r->easy)
		return err_set(e, ENOMEM, "start a request");
	ret = set_url(r, e);
	if (ret < 0)
		return ret;
	set_limits(r->easy, &r->reg->opt.limits);
	set_callbacks(r);
	set_method(r);
	set_headers(r);
	choose_proxy(r);
	if (curl_multi_add_handle(r->reg->multi, r->easy))
		return err_set(e, EPROTO, "start a request");
	r->state = REQ_RUNNING;
	return 0;
}

/* --- the list of requests --- */

void http_start(struct request *r)
{
	struct request **at = &r->reg->first;

	while (*at)
		at = &(*at)->next;
	*at = r;
	r->next = NULL;
	r->state = REQ_QUEUED;
	if (r->is_blob)
		r->reg->blobs_left++;
}

static void unlink_request(struct request *r)
{
	struct request **at = &r->reg->first;

	while (*at && *at != r)
		at = &(*at)->next;
	if (*at)
		*at = r->next;
	r->next = NULL;
}

/* After this r may be gone. */
static void finish(struct request *r, int result, struct err *why)
{
	r->state = REQ_OVER;
	unlink_request(r);
	if (r->is_blob)
		r->reg->blobs_left--;
	r->done(r, result, why);
}

static void run_next(struct request *r)
{
	struct err why = ERR_INIT;
	int ret = 0;

	if (r->is_moot) {
		finish(r, 0, &why);
		return;
	}
	if (r->err.code)	/* it waited for a token that did not come */
		ret = err_move(&why, &r->err);
	else if (!r->hops)
		ret = first_url(r, &why);
	if (ret == 0)
		ret = begin_hop(r, &why);
	if (ret == 1)
		r->state = REQ_TOKEN;
	else if (ret < 0)
		finish(r, ret, &why);
	else if (r->is_blob)
		r->reg->blobs_running++;
}

static bool may_run(const struct request *r, uint64_t now_ns)
{
	bool is_ready = r->state == REQ_QUEUED ||
			(r->state == REQ_PAUSED && r->due_ns <= now_ns);

	if (!is_ready)
		return false;
	return !r->is_blob || r->reg->blobs_running < r->reg->opt.limits.parallel;
}

/* Requests may appear and vanish in every call, so each search starts anew. */
static bool start_one(struct registry *reg)
{
	uint64_t now_ns = clock_mono_ns();

	for (struct request *r = reg->first; r; r = r->next) {
		if (!may_run(r, now_ns))
			continue;
		run_next(r);
		return true;
	}
	return false;
}

static void transfer_over(struct request *r, CURLcode code)
{
	struct err why = ERR_INIT;
	enum outcome next;

	curl_multi_remove_handle(r->reg->multi, r->easy);
	if (r->is_blob)
		r->reg->blobs_running--;
	r->state = REQ_QUEUED;
	next = outcome_of(r, code, &why);
	if (next == OUTCOME_DONE)
		finish(r, why.code ? -why.code : 0, &why);
}

int http_step(struct registry *reg)
{
	uint64_t now_ns, due_ns = UINT64_MAX;
	CURLMsg *m;
	int left;

	while (start_one(reg))
		;
	(void)curl_multi_perform(reg->multi, &left);
	while ((m = curl_multi_info_read(reg->multi, &left))) {
		CURLcode code = m->data.result;
		struct request *r = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&r);
		transfer_over(r, code);
	}
	now_ns = clock_mono_ns();
	for (struct request *r = reg->first; r; r = r->next) {
		if (may_run(r, now_ns))
			return 0;
		if (r->state == REQ_PAUSED && r->due_ns > now_ns && r->due_ns < due_ns)
			due_ns = r->due_ns;
	}
	return due_ns == UINT64_MAX ? -1 : (int)((due_ns - now_ns) / NS_PER_MS + 1);
}

void http_cancel_all(struct registry *reg)
{
	while (reg->first) {
		struct request *r = reg->first;
		struct err why = ERR_INIT;

		if (r->state == REQ_RUNNING) {
			curl_multi_remove_handle(reg->multi, r->easy);
			if (r->is_blob)
				reg->blobs_running--;
		}
		err_clear(&r->err);
		err_set(&why, ECANCELED, "'%s': stopped", r->ep->name);
		finish(r, -ECANCELED, &why);
	}
	reg->stopping = false;
}

int http_wait(struct request *r, struct err *e)
{
	int ret;

	while (r->state != REQ_OVER) {
		ret = registry_step(r->reg, NULL, 0, -1, e);
		if (ret < 0)
			return ret;
	}
	return 0;
}
