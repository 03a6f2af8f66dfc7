#include "lib/registry/resolve.h"

#include <gnutls/crypto.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/media.h"
#include "lib/registry/auth.h"
#include "lib/registry/http.h"

/* A request that a caller waits for, with its whole body in memory. */
struct question {
	struct request req;
	struct buf *bytes;
	struct err err;
	int result;
};

void registry_doc_clear(struct registry_doc *d)
{
	free(d->media_type);
	d->media_type = NULL;
	d->digest = (struct digest){ .alg = DIGEST_NONE };
	buf_clear(&d->bytes);
}

static int too_long(const struct question *q, struct err *e)
{
	return err_set(e, EFBIG, "the document is longer than %zu bytes",
		       q->bytes->max);
}

static int begin(struct request *r, struct err *e)
{
	struct question *q = r->owner;

	buf_reset(q->bytes);
	/* Of a HEAD it is the length of what a GET would give. */
	if (r->resp.has_length && r->resp.length > q->bytes->max)
		return too_long(q, e);
	return 0;
}

static int data(struct request *r, const char *bytes, size_t len, struct err *e)
{
	struct question *q = r->owner;

	return buf_add(q->bytes, bytes, len) < 0 ? too_long(q, e) : 0;
}

static const struct request_body question_body = {
	.begin = begin,
	.data = data,
};

static void done(struct request *r, int result, struct err *why)
{
	struct question *q = r->owner;

	q->result = result;
	if (result < 0)
		err_move(&q->err, why);
}

static int init(struct question *q, struct registry *reg, const char *host,
		const char *repo, struct buf *bytes, struct err *e)
{
	struct endpoint *ep = http_endpoint(reg, host, e);

	if (!ep)
		return -e->code;
	*q = (struct question){ .bytes = bytes, .err = ERR_INIT };
	http_init(&q->req, reg, ep, &question_body);
	q->req.grant = auth_grant(ep, repo);
	q->req.owner = q;
	q->req.done = done;
	return 0;
}

/* Asks and waits; the question can be asked again with another method. */
static int ask(struct question *q, struct err *e)
{
	int r;

	q->req.state = REQ_NEW;
	q->req.failures = q->req.refusals = q->req.hops = 0;
	http_start(&q->req);
	r = http_wait(&q->req, e);
	if (r < 0) {
		/* The loop itself broke; nothing may point here any more. */
		http_cancel_all(q->req.reg);
		return r;
	}
	return q->result < 0 ? err_move(e, &q->err) : 0;
}

static int hash(struct digest *out, enum digest_alg alg, const struct buf *b,
		struct err *e)
{
	gnutls_digest_algorithm_t g = alg == DIGEST_SHA512 ? GNUTLS_DIG_SHA512 :
							     GNUTLS_DIG_SHA256;
	struct digest d = { .alg = alg };

	if (gnutls_hash_fast(g, b->data, b->len, d.bytes) < 0)
		return err_set(e, EPROTO, "hash a document");
	*out = d;
	return 0;
}

/* The bytes against what they should be; want NULL: against what the registry
 * says they are. */
static int verify(struct registry_doc *out, const struct digest *want,
		  const struct response *h, struct err *e)
{
	char text[DIGEST_TEXT_MAX];
	struct digest told = { .alg = DIGEST_NONE }, got;
	int r;

	if (h->digest) {
		r = digest_parse(&told, h->digest, strlen(h->digest), e);
		if (r < 0)
			return err_ctx(e, r, "Docker-Content-Digest");
	}
	/* An other algorithm than asked for says nothing about what was asked. */
	if (want && told.alg == want->alg && !digest_eq(want, &told))
		return err_set(e, EBADMSG,
			       "the registry answered with another digest than was asked for");
	if (!want)
		want = &told;
	r = hash(&got, digest_is_set(want) ? want->alg : DIGEST_SHA256, &out->bytes, e);
	if (r < 0)
		return r;
	if (digest_is_set(want) && !digest_eq(want, &got)) {
		digest_print(want, text);
		return err_set(e, EBADMSG, "the bytes do not match %s", text);
	}
	out->digest = got;
	return 0;
}

static int get(struct registry_doc *out, struct registry *reg,
	       const struct ref *ref, const char *kind, const char *name,
	       const struct digest *want, uint64_t size, struct err *e)
{
	struct question q;
	int r;

	registry_doc_clear(out);
	r = init(&q, reg, ref->domain, ref->path, &out->bytes, e);
	if (r < 0)
		return r;
	q.req.path = mem_printf("/v2/%s/%s/%s", ref->path, kind, name);
	if (str_eq(kind, "manifests"))
		q.req.accept = media_accept;
	r = ask(&q, e);
	if (r == 0 && size && out->bytes.len != size)
		r = err_set(e, EBADMSG, "'%s': the document has %zu bytes, not the %llu announced",
			    ref->domain, out->bytes.len, (unsigned long long)size);
	if (r == 0) {
		r = verify(out, want, &q.req.resp, e);
		if (r < 0)
			err_ctx(e, r, "'%s'", ref->domain);
	}
	if (r == 0)
		out->media_type = mem_str(q.req.resp.type);
	else
		registry_doc_clear(out);
	http_clear(&q.req);
	return r;
}

int registry_manifest(struct registry_doc *out, struct registry *reg,
		      const struct ref *ref, struct err *e)
{
	if (digest_is_set(&ref->digest))
		return registry_manifest_at(out, reg, ref, &ref->digest, 0, e);
	out->bytes.max = MAX_MANIFEST;
	return get(out, reg, ref, "manifests", str_or(ref->tag, "latest"), NULL, 0, e);
}

int registry_manifest_at(struct registry_doc *out, struct registry *reg,
			 const struct ref *ref, const struct digest *digest,
			 uint64_t size, struct err *e)
{
	char name[DIGEST_TEXT_MAX];

	out->bytes.max = MAX_MANIFEST;
	digest_print(digest, name);
	return get(out, reg, ref, "manifests", name, digest, size, e);
}

int registry_blob(struct registry_doc *out, struct registry *reg,
		  const struct ref *ref, const struct desc *desc, size_t max,
		  struct err *e)
{
	char name[DIGEST_TEXT_MAX];

	if (desc->size > max)
		return err_set(e, EFBIG, "a document of %llu bytes; at most %zu are taken",
			       (unsigned long long)desc->size, max);
	out->bytes.max = max;
	digest_print(&desc->digest, name);
	return get(out, reg, ref, "blobs", name, &desc->digest, desc->size, e);
}

static int fill(struct desc *out, const struct response *h,
		const struct ref *ref, struct err *e)
{
	struct digest d = ref->digest;
	int r;

	if (h->digest && !digest_is_set(&d)) {
		r = digest_parse(&d, h->digest, strlen(h->digest), e);
		if (r < 0)
			return err_ctx(e, r, "'%s': Docker-Content-Digest", ref->domain);
	}
	desc_clear(out);
	out->digest = d;
	out->media_type = mem_str(h->type);
	out->size = h->length;
	return 0;
}

int registry_head(struct desc *out, struct registry *reg,
		  const struct ref *ref, struct err *e)
{
	AUTO(registry_doc) struct registry_doc doc = REGISTRY_DOC_INIT;
	AUTO(buf) struct buf none = BUF_INIT(MAX_MANIFEST);
	char digest[DIGEST_TEXT_MAX];
	struct question q;
	bool is_enough;
	int r;

	r = init(&q, reg, ref->domain, ref->path, &none, e);
	if (r < 0)
		return r;
	digest_print(&ref->digest, digest);
	q.req.path = mem_printf("/v2/%s/manifests/%s", ref->path,
				digest_is_set(&ref->digest) ? digest :
				str_or(ref->tag, "latest"));
	q.req.method = HTTP_HEAD;
	q.req.accept = media_accept;
	r = ask(&q, e);
	is_enough = q.req.resp.has_length && q.req.resp.type &&
		    (q.req.resp.digest || digest_is_set(&ref->digest));
	if (r == 0 && is_enough)
		r = fill(out, &q.req.resp, ref, e);
	http_clear(&q.req);
	/* Some registries know no HEAD, some say too little. */
	if (r == -EPROTO || (r == 0 && !is_enough)) {
		err_clear(e);
		r = registry_manifest(&doc, reg, ref, e);
		if (r < 0)
			return r;
		desc_clear(out);
		out->digest = doc.digest;
		out->media_type = take(doc.media_type);
		out->size = doc.bytes.len;
	}
	return r;
}

static void copy(struct registry_creds *to, const struct registry_creds *from)
{
	registry_creds_clear(to);
	to->user = mem_str(from->user);
	secret_set(&to->password, from->password.text);
	secret_set(&to->identity_token, from->identity_token.text);
	secret_set(&to->registry_token, from->registry_token.text);
}

int registry_login(struct registry *reg, const char *host,
		   struct registry_creds *creds, struct err *e)
{
	AUTO(buf) struct buf bytes = BUF_INIT(MAX_ERROR_BODY);
	struct question q;
	struct grant *g;
	int r;

	r = init(&q, reg, host, NULL, &bytes, e);
	if (r < 0)
		return r;
	g = q.req.grant;
	copy(&g->creds, creds);
	secret_clear(&g->token);
	g->is_asked = g->has_creds = g->wants_offline = true;
	q.req.path = mem_str("/v2/");
	r = ask(&q, e);
	if (r == -ENOENT) {
		err_clear(e);
		r = err_set(e, EPROTO, "'%s' is no registry: it has no /v2/", host);
	}
	if (r == 0 && secret_is_set(&g->offline)) {
		secret_set(&creds->identity_token, g->offline.text);
		secret_clear(&creds->password);
	}
	http_clear(&q.req);
	return r;
}
