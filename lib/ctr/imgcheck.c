#include "lib/ctr/imgcheck.h"

#include "lib/image/docs.h"
#include "lib/store/content.h"

static bool is_lost(int r)
{
	return r == -ENOENT || r == -EBADMSG;
}

static int count_blob(struct ctr_imgcheck *c, struct store *s, const struct digest *d,
		      uint64_t size, struct err *e)
{
	AUTO_FD int fd = content_get(s, d, NULL, e);

	if (fd < 0 && !is_lost(fd))
		return fd;
	c->needed++;
	c->needed_bytes += size;
	if (fd < 0) {
		err_clear(e);
	} else {
		c->there++;
		c->there_bytes += size;
	}
	return 0;
}

static int count_parts(struct ctr_imgcheck *c, struct store *s, const struct manifest *m,
		       struct err *e)
{
	int r = count_blob(c, s, &m->config.digest, m->config.size, e);

	for (size_t i = 0; r == 0 && i < m->layer_count; i++)
		if (!manifest_repeats(m, i))
			r = count_blob(c, s, &m->layers[i].digest, m->layers[i].size, e);
	return r;
}

/* The manifest, and what it names. */
static int count_manifest(struct ctr_imgcheck *c, struct store *s, const struct digest *d,
			  struct err *e)
{
	AUTO(manifest) struct manifest m = MANIFEST_INIT;
	AUTO(buf) struct buf text = BUF_INIT(MAX_MANIFEST);
	int r = content_read(s, d, &text, e);

	if (r == 0)
		r = manifest_parse(&m, text.data, text.len, e);
	c->is_known = r == 0;
	if (is_lost(r)) {
		err_clear(e);
		return count_blob(c, s, d, 0, e);
	}
	if (r == 0)
		r = count_blob(c, s, d, text.len, e);
	return r < 0 ? r : count_parts(c, s, &m, e);
}

static int look_unpacked(struct ctr_imgcheck *c, const struct image_env *env,
			 const struct image *image, struct err *e)
{
	static const struct platform any;
	AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
	int64_t ids[MAX_LAYERS];
	size_t count;
	int r = image_docs_load(&docs, env->store, &image->manifest, &any, e);

	if (r == 0)
		r = layers_find(ids, &count, &docs, env, NULL, e);
	c->is_unpacked = r == 0;
	if (!is_lost(r))
		return r;
	err_clear(e);
	return 0;
}

int ctr_imgcheck(struct ctr_imgcheck *out, const struct image_env *env,
		 const struct image *image, struct err *e)
{
	int r = 0;

	*out = (struct ctr_imgcheck){ .needed = 0 };
	if (!digest_eq(&image->target, &image->manifest))
		r = count_blob(out, env->store, &image->target, image->size, e);
	if (r == 0)
		r = count_manifest(out, env->store, &image->manifest, e);
	return r < 0 ? r : look_unpacked(out, env, image, e);
}
