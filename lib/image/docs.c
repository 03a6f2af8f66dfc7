#include "lib/image/docs.h"

#include "lib/store/content.h"

void image_docs_clear(struct image_docs *d)
{
	manifest_clear(&d->manifest);
	imgconf_clear(&d->config);
	buf_clear(&d->config_raw);
	*d = (struct image_docs)IMAGE_DOCS_INIT;
}

int image_docs_parse(struct image_docs *out, const struct buf *manifest,
		     const struct digest *manifest_digest,
		     const struct buf *config, struct err *e)
{
	AUTO(image_docs) struct image_docs d = IMAGE_DOCS_INIT;
	int r = manifest_parse(&d.manifest, manifest->data, manifest->len, e);

	if (r < 0)
		return err_ctx(e, r, "manifest");
	r = imgconf_parse(&d.config, config->data, config->len, e);
	if (r < 0)
		return err_ctx(e, r, "image config");
	if (d.config.diff_count != d.manifest.layer_count)
		return err_set(e, EBADMSG, "image has %zu layers, but its config has %zu",
			       d.manifest.layer_count, d.config.diff_count);
	(void)imgconf_drop_reserved(&d.config);
	d.manifest_digest = *manifest_digest;
	d.target = *manifest_digest;
	buf_add(&d.config_raw, config->data, config->len);
	d.size = config->len;
	for (size_t i = 0; i < d.manifest.layer_count; i++)
		d.size += d.manifest.layers[i].size;
	r = buf_ok(&d.config_raw, "image config", e);
	if (r < 0)
		return r;
	*out = d;
	d = (struct image_docs)IMAGE_DOCS_INIT;
	return 0;
}

int image_docs_load(struct image_docs *out, struct store *s,
		    const struct digest *target, const struct platform *want,
		    struct err *e)
{
	AUTO(manifest_doc) struct manifest_doc doc = MANIFEST_DOC_INIT;
	AUTO(buf) struct buf manifest = BUF_INIT(MAX_MANIFEST);
	AUTO(buf) struct buf config = BUF_INIT(MAX_IMGCONF);
	struct digest digest = *target;
	const struct desc *chosen;
	int r = content_read(s, target, &manifest, e);

	if (r < 0)
		return r;
	r = manifest_doc_parse(&doc, NULL, manifest.data, manifest.len, e);
	if (r < 0)
		return r;
	if (doc.kind == MEDIA_IS_INDEX) {
		r = manifest_choose(&chosen, &doc.index, want, e);
		if (r < 0)
			return r;
		digest = chosen->digest;
		buf_reset(&manifest);
		r = content_read(s, &digest, &manifest, e);
		if (r < 0)
			return r;
		manifest_doc_clear(&doc);
		r = manifest_doc_parse(&doc, NULL, manifest.data, manifest.len, e);
		if (r < 0)
			return r;
	}
	if (doc.kind != MEDIA_IS_MANIFEST)
		return err_set(e, EBADMSG, "an index inside an index");
	r = content_read(s, &doc.manifest.config.digest, &config, e);
	if (r < 0)
		return r;
	r = image_docs_parse(out, &manifest, &digest, &config, e);
	if (r == 0)
		out->target = *target;
	return r;
}

int image_docs_are_whole(const struct image_docs *d, struct store *s,
			 struct err *e)
{
	int r = 1;

	for (size_t i = 0; i < d->manifest.layer_count && r == 1; i++)
		r = content_has(s, &d->manifest.layers[i].digest, e);
	return r;
}
