#include "lib/image/record.h"

#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/fmt/platform.h"
#include "lib/image/stream.h"
#include "lib/store/content.h"
#include "lib/store/snapshots.h"

int record_edges(struct store *s, const struct image_docs *d, struct err *e)
{
	const struct manifest *m = &d->manifest;
	int r = content_ref(s, &d->manifest_digest, &m->config.digest, e);

	for (size_t i = 0; i < m->layer_count && r == 0; i++)
		r = content_ref(s, &d->manifest_digest, &m->layers[i].digest, e);
	return r;
}

static uint64_t created_ns(const char *text)
{
	struct err ignored = ERR_INIT;
	uint64_t ns = 0;

	if (text)
		(void)!num_time(text, 0, &ns, &ignored);
	return ns;
}

/* 0 when they are not unpacked. */
static int unpacked_size(uint64_t *out, const struct record *rec, struct err *e)
{
	struct err why = ERR_INIT;
	int64_t ids[MAX_LAYERS];
	size_t count = 0;
	uint64_t sum = 0;
	int r;

	*out = 0;
	if (!rec->env->driver)
		return 0;
	r = layers_parts(ids, &count, rec->docs, rec->env, &why);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_move(e, &why);
	for (size_t i = 0; i < count; i++) {
		AUTO(snapshot) struct snapshot snap = SNAPSHOT_INIT;

		r = snapshot_get(&snap, rec->env->store, ids[i], e);
		if (r < 0)
			return r;
		sum += snap.size;
	}
	*out = sum;
	return 0;
}

int record_image(const struct record *rec, struct digest *replaced,
		 struct err *e)
{
	const struct image_docs *d = rec->docs;
	AUTO(buf) struct buf platform = BUF_INIT(MAX_REF);
	struct image img = {
		.name = (char *)rec->name,
		.target = rec->target,
		.media_type = (char *)rec->media_type,
		.size = rec->size,
		.manifest = d->manifest_digest,
		.config = d->manifest.config.digest,
		.created_ns = created_ns(d->config.created),
		.packed_size = d->size - d->config_raw.len,
		.layers = d->config.diff_ids,
		.layer_count = d->config.diff_count,
	};
	int r = unpacked_size(&img.unpacked_size, rec, e);

	if (r < 0)
		return r;
	platform_print(&d->config.platform, &platform);
	img.platform = platform.data;
	r = record_edges(rec->env->store, d, e);
	return r < 0 ? r : image_put(rec->env->store, rec->ns, &img, replaced, e);
}

int record_doc(struct digest *out, struct store *s, const struct lease *l,
	       const struct buf *text, struct err *e)
{
	AUTO(hash) struct hash *h = hash_new(DIGEST_SHA256);

	hash_add(h, text->data, text->len);
	hash_end(h, out);
	return content_put(s, l, out, text->data, text->len, e);
}
