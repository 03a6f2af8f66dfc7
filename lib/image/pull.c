#include "lib/image/pull.h"

#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/image/getter.h"
#include "lib/image/record.h"
#include "lib/registry/resolve.h"
#include "lib/store/content.h"
#include "lib/store/images.h"

struct pull {
	const struct pull_options *o;
	struct store *store;
	struct lease lease;
	struct registry_doc top;	/* what the reference names */
	const char *top_type;		/* its media type */
	struct registry_doc inner;	/* the manifest, when top is an index */
	struct image_docs docs;
};

static void pull_clear(struct pull *p)
{
	registry_doc_clear(&p->top);
	registry_doc_clear(&p->inner);
	image_docs_clear(&p->docs);
	lease_auto(&p->lease);
}

static inline void pull_auto(struct pull *p)
{
	pull_clear(p);
}

/* --- the documents --- */

static int keep(struct pull *p, const struct registry_doc *doc, struct err *e)
{
	return content_put(p->store, &p->lease, &doc->digest, doc->bytes.data,
			   doc->bytes.len, e);
}

/* The image config: from the store when it is there. */
static int get_config(struct pull *p, struct buf *out,
		      const struct desc *config, struct err *e)
{
	AUTO(registry_doc) struct registry_doc doc = REGISTRY_DOC_INIT;
	int r = content_has(p->store, &config->digest, e);

	if (r < 0)
		return r;
	if (r == 1) {
		r = lease_pin_blob(&p->lease, &config->digest, e);
		return r < 0 ? r : content_read(p->store, &config->digest, out, e);
	}
	doc.bytes.max = MAX_IMGCONF;
	r = registry_blob(&doc, p->o->registry, p->o->ref, config, MAX_IMGCONF, e);
	if (r == 0)
		r = keep(p, &doc, e);
	if (r < 0)
		return r;
	buf_add(out, doc.bytes.data, doc.bytes.len);
	return buf_ok(out, "image config", e);
}

/* The entry of the index for our platform becomes p->inner. */
static int choose(struct pull *p, const struct index *index, struct err *e)
{
	const struct desc *entry;
	int r = manifest_choose(&entry, index, p->o->platform, e);

	if (r == 0)
		r = registry_manifest_at(&p->inner, p->o->registry, p->o->ref,
					 &entry->digest, entry->size, e);
	if (r == 0)
		r = keep(p, &p->inner, e);
	return r < 0 ? r : content_ref(p->store, &p->top.digest, &p->inner.digest, e);
}

static int get_docs(struct pull *p, struct err *e)
{
	AUTO(manifest_doc) struct manifest_doc doc = MANIFEST_DOC_INIT;
	AUTO(buf) struct buf config = BUF_INIT(MAX_IMGCONF);
	const struct registry_doc *m = &p->top;
	int r = manifest_doc_parse(&doc, m->media_type, m->bytes.data, m->bytes.len, e);

	if (r == 0)
		r = keep(p, m, e);
	if (r < 0)
		return r;
	p->top_type = media_text(doc.kind == MEDIA_IS_INDEX ? doc.index.media :
							      doc.manifest.media);
	if (doc.kind == MEDIA_IS_INDEX) {
		r = choose(p, &doc.index, e);
		if (r < 0)
			return r;
		m = &p->inner;
		manifest_doc_clear(&doc);
		doc = (struct manifest_doc)MANIFEST_DOC_INIT;
		r = manifest_doc_parse(&doc, m->media_type, m->bytes.data,
				       m->bytes.len, e);
		if (r < 0)
			return r;
	}
	if (doc.kind != MEDIA_IS_MANIFEST)
		return err_set(e, EBADMSG, "an index inside an index");
	r = get_config(p, &config, &doc.manifest.config, e);
	if (r < 0)
		return r;
	r = image_docs_parse(&p->docs, &m->bytes, &m->digest, &config, e);
	if (r == 0)
		p->docs.target = p->top.digest;
	return r;
}

/* --- the whole --- */

/* What the name stands for in our store, ready to run: 1, or 0. */
static int have_local(struct pull *p, struct digest *config, const char *name,
		      struct err *e)
{
	AUTO(image) struct image img = IMAGE_INIT;
	AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
	struct err why = ERR_INIT;
	int r = image_get(&img, p->store, p->o->ns, name, &why);

	if (r == 0) {
		*config = img.config;
		r = image_docs_load(&docs, p->store, &img.target, p->o->platform, &why);
	}
	if (r == 0)
		r = image_docs_are_whole(&docs, p->store, &why);
	if (r == -ENOENT || r == -EBADMSG)
		return 0;
	if (r < 0)
		return err_move(e, &why);
	if (r == 1) {
		image_docs_clear(&p->docs);
		p->docs = docs;
		docs = (struct image_docs)IMAGE_DOCS_INIT;
	}
	return r;
}

static int use_local(struct pull *p, struct err *e)
{
	return p->o->env.driver ? layers_unpack(&p->docs, &p->o->env, e) : 0;
}

static int fetch(struct pull *p, const char *name, struct digest *replaced,
		 struct err *e)
{
	struct get_options get = {
		.docs = &p->docs, .env = &p->o->env, .lease = &p->lease,
		.registry = p->o->registry, .ref = p->o->ref,
	};
	struct record rec = {
		.ns = p->o->ns, .name = name, .docs = &p->docs, .env = &p->o->env,
	};
	int r = get_docs(p, e);

	if (r == 0)
		r = layers_get(&get, e);
	if (r < 0)
		return r;
	rec.target = p->top.digest;
	rec.media_type = p->top_type;
	rec.size = p->top.bytes.len;
	return record_image(&rec, replaced, e);
}

static int ask_registry(struct pull *p, const char *name, bool has_local,
			const struct digest *local, bool *is_new, struct err *e)
{
	struct digest replaced = { .alg = DIGEST_NONE };
	struct err why = ERR_INIT;
	int r = lease_begin(&p->lease, p->store, "pull", e);

	if (r < 0)
		return r;
	r = registry_manifest(&p->top, p->o->registry, p->o->ref, &why);
	if (r < 0 && p->o->policy == PULL_NEWER && has_local &&
	    registry_error_kind(r) == REGISTRY_ERR_NETWORK) {
		const struct image_progress *pr = p->o->env.progress;

		if (pr && pr->note)
			pr->note(pr->arg, why.text);
		err_clear(&why);
		return use_local(p, e);
	}
	if (r < 0)
		return err_move(e, &why);
	image_docs_clear(&p->docs);
	r = fetch(p, name, &replaced, e);
	*is_new = !digest_eq(local, &p->docs.manifest.config.digest);
	return r;
}

int pull_image(struct pull_result *out, const struct pull_options *o,
	       struct err *e)
{
	AUTO(pull) struct pull p = {
		.o = o, .store = o->env.store, .lease = LEASE_INIT,
		.top = REGISTRY_DOC_INIT, .inner = REGISTRY_DOC_INIT,
		.docs = IMAGE_DOCS_INIT,
	};
	AUTO(buf) struct buf name = BUF_INIT(MAX_REF);
	struct digest local = { .alg = DIGEST_NONE };
	bool is_new = false;
	int has_local, r;

	ref_print(o->ref, &name);
	r = buf_ok(&name, "reference", e);
	if (r < 0)
		return r;
	has_local = have_local(&p, &local, name.data, e);
	if (has_local < 0)
		return has_local;
	if (o->policy == PULL_NEVER && !has_local)
		return err_set(e, ENOENT, "image '%s' is not here", name.data);
	if (has_local && (o->policy == PULL_MISSING || o->policy == PULL_NEVER))
		r = use_local(&p, e);
	else
		r = ask_registry(&p, name.data, has_local, &local, &is_new, e);
	if (r < 0)
		return err_ctx(e, r, "pull '%s'", name.data);
	*out = (struct pull_result){
		.target = p.docs.target,
		.manifest = p.docs.manifest_digest,
		.config = p.docs.manifest.config.digest,
		.is_new = is_new,
	};
	return 0;
}
