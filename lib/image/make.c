#include "lib/image/make.h"

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/media.h"
#include "lib/image/getter.h"
#include "lib/image/record.h"
#include "lib/store/content.h"

char *make_time(uint64_t wall_ns)
{
	char text[CLOCK_TEXT_MAX];

	clock_print(wall_ns, text);
	return mem_str(text);
}

int make_check(const struct imgconf *c, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_IMGCONF);
	AUTO(imgconf) struct imgconf read = IMGCONF_INIT;
	int r;

	imgconf_print(c, &text);
	r = buf_ok(&text, "image config", e);
	return r < 0 ? r : imgconf_parse(&read, text.data, text.len, e);
}

/* OCI's word for docker's layer; one that is fetched elsewhere keeps its own. */
static void add_layer(struct manifest *m, const struct desc *layer)
{
	struct desc *to = manifest_add_layer(m);
	enum media media = media_lookup(layer->media_type);

	desc_copy(to, layer);
	if (media_kind(media) != MEDIA_IS_LAYER || media_is_foreign(media))
		return;
	free(to->media_type);
	to->media_type = mem_str(media_text(media_layer(media_compression(media))));
}

static int put_config(struct buf *out, struct manifest *m, const struct make_options *o,
		      struct err *e)
{
	int r;

	imgconf_print(o->config, out);
	r = buf_ok(out, "image config", e);
	if (r == 0)
		r = record_doc(&m->config.digest, o->env->store, o->lease, out, e);
	m->config.media_type = mem_str(media_text(MEDIA_OCI_CONFIG));
	m->config.size = out->len;
	return r;
}

/* The documents of the new image, in the store and in memory. */
static int put_docs(struct image_docs *docs, uint64_t *size, const struct make_options *o,
		    struct err *e)
{
	AUTO(manifest) struct manifest m = MANIFEST_INIT;
	AUTO(buf) struct buf config = BUF_INIT(MAX_IMGCONF), text = BUF_INIT(MAX_MANIFEST);
	struct digest digest;
	int r = put_config(&config, &m, o, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < o->layer_count; i++)
		add_layer(&m, &o->layers[i]);
	manifest_print(&m, &text);
	r = buf_ok(&text, "manifest", e);
	if (r == 0)
		r = record_doc(&digest, o->env->store, o->lease, &text, e);
	*size = text.len;
	return r < 0 ? r : image_docs_parse(docs, &text, &digest, &config, e);
}

int make_image(struct make_result *out, const struct make_options *o, struct err *e)
{
	AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
	struct get_options get = { .docs = &docs, .env = o->env, .lease = o->lease };
	struct record rec = {
		.ns = o->ns, .name = o->name, .docs = &docs, .env = o->env,
		.media_type = media_text(MEDIA_OCI_MANIFEST),
	};
	struct digest replaced = { .alg = DIGEST_NONE };
	int r = put_docs(&docs, &rec.size, o, e);

	if (r == 0)
		r = content_barrier(o->env->store, e);
	if (r == 0)
		r = layers_get(&get, e);
	if (r < 0)
		return r;
	rec.target = docs.target;
	r = record_image(&rec, &replaced, e);
	if (r == 0)
		*out = (struct make_result){ docs.manifest.config.digest, replaced };
	return r;
}
