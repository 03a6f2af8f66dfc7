#include "lib/registry/fetch.h"

#include "lib/base/mem.h"
#include "lib/registry/auth.h"
#include "lib/registry/http.h"

struct fetch {
	struct request req;
	const struct fetch_sink *sink;
	void *arg;
	uint64_t size;
	uint64_t at;		/* the next byte that the sink wants */
	uint64_t body_at;	/* the blob's byte that the body is at */
	bool no_range;		/* asked for part and got nonsense: ask for all */
};

static void add_range(struct request *r, struct curl_slist **list)
{
	struct fetch *f = r->owner;
	struct registry_event ev = { .kind = REGISTRY_EV_RESUME, .offset = f->at };
	AUTO_FREE char *range = NULL;

	if (!f->at || f->no_range)
		return;
	range = mem_printf("bytes=%llu-", (unsigned long long)f->at);
	http_add_header(list, "Range", range);
	if (!r->hops)
		http_tell(r, &ev);
}

static int begin(struct request *r, struct err *e)
{
	const struct response *h = &r->resp;
	struct fetch *f = r->owner;
	bool asked = f->at && !f->no_range;

	f->body_at = 0;
	if (h->status == 206) {
		if (!asked || !h->has_range || h->first != f->at ||
		    h->total != f->size) {
			f->no_range = true;
			r->again = RETRY_OFTEN;
			return err_set(e, EPROTO,
				       "a partial answer that is not the part asked for");
		}
		f->body_at = f->at;
	} else if (h->status != 200) {
		return err_set(e, EPROTO, "unexpected HTTP %ld for a blob", h->status);
	}
	if (f->size == REGISTRY_ANY_SIZE && h->status == 200 && h->has_length)
		f->size = h->length;
	if (h->has_length && h->length > f->size - f->body_at)
		return err_set(e, EBADMSG, "the blob is longer than the %llu bytes announced",
			       (unsigned long long)f->size);
	/* A range may be answered in part; all of it may not. */
	if (h->has_length && h->status == 200 && h->length != f->size)
		return err_set(e, EBADMSG, "the blob has %llu bytes, not the %llu announced",
			       (unsigned long long)h->length,
			       (unsigned long long)f->size);
	return 0;
}

static int data(struct request *r, const char *bytes, size_t len, struct err *e)
{
	struct fetch *f = r->owner;
	uint64_t skip = f->at - f->body_at;
	int ret;

	if (len > f->size - f->body_at)
		return err_set(e, EBADMSG, "the blob is longer than the %llu bytes announced",
			       (unsigned long long)f->size);
	f->body_at += len;
	if (skip >= len)
		return 0;
	bytes += skip;
	len -= skip;
	ret = f->sink->write(f->arg, bytes, len, e);
	if (ret < 0) {
		r->is_callers = true;
		return ret;
	}
	f->at += len;
	r->moved += len;
	return 0;
}

static int end(struct request *r, struct err *e)
{
	struct fetch *f = r->owner;

	if (f->at == f->size || f->size == REGISTRY_ANY_SIZE)
		return 0;
	r->again = RETRY_OFTEN;
	return err_set(e, EBADMSG, "the blob ended at byte %llu of %llu",
		       (unsigned long long)f->at, (unsigned long long)f->size);
}

/* A server that refuses the range may still give the whole. */
static bool may_pass(struct request *r)
{
	struct fetch *f = r->owner;

	if (r->resp.status != 416 || !f->at || f->no_range)
		return false;
	f->no_range = true;
	return true;
}

static const struct request_body fetch_body = {
	.headers = add_range,
	.begin = begin,
	.data = data,
	.end = end,
	.may_pass = may_pass,
};

static void fetch_free(struct fetch *f)
{
	http_clear(&f->req);
	free(f);
}

static void done(struct request *r, int result, struct err *why)
{
	struct fetch *f = r->owner;

	f->sink->done(f->arg, result, why);
	fetch_free(f);
}

int registry_fetch_add(struct registry *reg, const struct ref *ref,
		       const struct desc *desc, uint64_t offset,
		       const struct fetch_sink *sink, void *arg,
		       struct err *e)
{
	struct endpoint *ep = http_endpoint(reg, ref->domain, e);
	char digest[DIGEST_TEXT_MAX];
	struct fetch *f;

	if (!ep)
		return -e->code;
	if (!digest_is_set(&desc->digest) || offset > desc->size)
		return err_set(e, EINVAL, "fetch: no digest, or an offset beyond the end");
	digest_print(&desc->digest, digest);
	f = mem_new(struct fetch);
	http_init(&f->req, reg, ep, &fetch_body);
	f->req.path = mem_printf("/v2/%s/blobs/%s", ref->path, digest);
	f->req.grant = auth_grant(ep, ref->path);
	f->req.is_blob = true;
	f->req.is_moot = offset == desc->size;
	f->req.owner = f;
	f->req.done = done;
	f->sink = sink;
	f->arg = arg;
	f->size = desc->size;
	f->at = offset;
	http_start(&f->req);
	return 0;
}
