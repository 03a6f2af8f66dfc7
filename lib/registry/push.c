#include "lib/registry/push.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/fmt/media.h"
#include "lib/registry/auth.h"
#include "lib/registry/http.h"

struct push {
	struct request req;
	const struct push_source *source;
	void *arg;
	struct desc desc;
	char digest[DIGEST_TEXT_MAX];
	char *repo;
	char *name;		/* of a manifest; NULL: a blob */
};

/* What an answer is about; unset: it does not say, or nothing that we know. */
static struct digest answered(const struct push *p)
{
	const char *text = p->req.resp.digest;
	struct digest told = { .alg = DIGEST_NONE };
	struct err ignored = ERR_INIT;

	if (text && digest_parse(&told, text, strlen(text), &ignored) < 0)
		told.alg = DIGEST_NONE;
	return told;
}

static void add_type(struct request *r, struct curl_slist **list)
{
	const struct push *p = r->owner;

	if (r->method != HTTP_HEAD)
		http_add_header(list, "Content-Type",
				p->name ? p->desc.media_type : "application/octet-stream");
}

static int give(struct request *r, char *data, size_t len, struct err *e)
{
	const struct push *p = r->owner;

	return p->source->read(p->arg, r->sent, data, len, e);
}

/* Answers to what was sent have no body that tells more. */
static int ignore(struct request *r UNUSED, const char *data UNUSED, size_t len UNUSED,
		  struct err *e UNUSED)
{
	return 0;
}

/* A digest of another algorithm says nothing about ours. */
static int end(struct request *r, struct err *e)
{
	const struct push *p = r->owner;
	struct digest told = answered(p);

	if (r->method == HTTP_HEAD)
		return 0;
	if (r->resp.status == 202)
		return err_set(e, EPROTO, "it has not taken what was sent (HTTP 202)");
	if (!r->resp.digest || (told.alg != DIGEST_NONE && told.alg != p->desc.digest.alg) ||
	    digest_eq(&told, &p->desc.digest))
		return 0;
	return err_set(e, EBADMSG, "it took what was sent for something else");
}

/* A place for an upload may be gone by the time that it is used. */
static bool may_pass(struct request *r)
{
	return r->is_placed && r->resp.status == 404;
}

static const struct request_body push_body = {
	.headers = add_type,
	.give = give,
	.data = ignore,
	.end = end,
	.may_pass = may_pass,
};

static void send_it(struct push *p)
{
	struct request *r = &p->req;

	r->method = p->name ? HTTP_PUT : HTTP_UPLOAD;
	if (!p->name) {
		free(r->path);
		r->path = mem_printf("/v2/%s/blobs/uploads/", p->repo);
	}
	r->accept = NULL;
	r->failures = r->refusals = r->hops = 0;
	http_start(r);
}

static void push_free(struct push *p)
{
	http_clear(&p->req);
	desc_clear(&p->desc);
	free(p->repo);
	free(p->name);
	free(p);
}

static void done(struct request *r, int result, struct err *why)
{
	struct push *p = r->owner;
	bool was_asked = r->method == HTTP_HEAD;
	struct digest told = answered(p);
	/* A tag may be there and mean another manifest. */
	bool is_there = result == 0 && (!p->name || digest_eq(&told, &p->desc.digest));

	if (was_asked && !is_there && (result == 0 || result == -ENOENT)) {
		err_clear(why);
		send_it(p);
		return;
	}
	p->source->done(p->arg, result, why);
	push_free(p);
}

/* NULL: it is a blob. */
static char *name_of(const struct push *p, const struct ref *ref)
{
	enum media_kind kind = media_kind(media_lookup(p->desc.media_type));

	if (kind != MEDIA_IS_MANIFEST && kind != MEDIA_IS_INDEX && kind != MEDIA_IS_SCHEMA1)
		return NULL;
	if (ref->tag && (!digest_is_set(&ref->digest) || digest_eq(&ref->digest, &p->desc.digest)))
		return mem_str(ref->tag);
	return mem_str(p->digest);
}

int registry_push_add(struct registry *reg, const struct ref *ref,
		      const struct desc *desc, const struct push_source *source,
		      void *arg, struct err *e)
{
	struct endpoint *ep = http_endpoint(reg, ref->domain, e);
	struct push *p;

	if (!ep)
		return -e->code;
	if (!digest_is_set(&desc->digest) || !desc->media_type)
		return err_set(e, EINVAL, "push: no digest, or no media type");
	p = mem_new(struct push);
	http_init(&p->req, reg, ep, &push_body);
	p->source = source;
	p->arg = arg;
	desc_copy(&p->desc, desc);
	digest_print(&desc->digest, p->digest);
	p->repo = mem_str(ref->path);
	p->name = name_of(p, ref);
	p->req.path = mem_printf("/v2/%s/%s/%s", ref->path, p->name ? "manifests" : "blobs",
				 p->name ? p->name : p->digest);
	p->req.method = HTTP_HEAD;
	p->req.accept = p->name ? media_accept : NULL;
	p->req.size = desc->size;
	p->req.digest = p->digest;
	p->req.grant = auth_grant(ep, ref->path);
	auth_want_push(p->req.grant);
	p->req.is_blob = true;
	p->req.owner = p;
	p->req.done = done;
	http_start(&p->req);
	return 0;
}
