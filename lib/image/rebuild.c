#include "lib/image/rebuild.h"

#include <errno.h>

#include "lib/base/str.h"
#include "lib/image/docs.h"
#include "lib/image/record.h"
#include "lib/store/content.h"
#include "lib/store/rebuild.h"

/* host's part of the image, or the first that is here. */
static int load_docs(struct image_docs *out, struct store *s, const struct digest *target,
		     const struct platform *host, struct err *e)
{
	static const struct platform any;
	struct err why = ERR_INIT;
	int r = image_docs_load(out, s, target, host, &why);

	return r == 0 ? 0 : image_docs_load(out, s, target, &any, e);
}

static int restore(const struct desc *entry, const char *ns, const char *name,
		   const struct image_env *env, const struct platform *host, struct err *e)
{
	AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
	const struct record rec = {
		.ns = ns, .name = name, .target = entry->digest,
		.media_type = entry->media_type, .size = entry->size, .docs = &docs, .env = env,
	};
	int r = load_docs(&docs, env->store, &entry->digest, host, e);

	if (r < 0)
		return r;
	if (!image_docs_are_whole(&docs, env->store, e))
		return err_set(e, ENOENT, "not all of its layers are there");
	if (!digest_eq(&entry->digest, &docs.manifest_digest))
		r = content_ref(env->store, &entry->digest, &docs.manifest_digest, e);
	return r < 0 ? r : record_image(&rec, NULL, e);
}

int image_rebuild(uint64_t *images, struct strv *lost, const struct image_env *env,
		  const struct platform *host, struct err *e)
{
	AUTO(index) struct index index = INDEX_INIT;
	AUTO(buf) struct buf text = BUF_INIT(MAX_STORE_INDEX);
	int r = rebuild_index(&text, env->store, e);

	*images = 0;
	if (r == 0 && index_parse(&index, text.data, text.len, e) < 0) {
		strv_addf(lost, "content/index.json: %s: images have no names", e->text);
		err_clear(e);
	}
	for (size_t i = 0; i < index.entry_count && r == 0; i++) {
		const struct desc *entry = &index.entries[i];
		const struct strv *a = &entry->annotations;
		const char *name = strv_getenv(a, "org.opencontainers.image.ref.name");
		const char *ns = strv_getenv(a, "coracle.namespace");

		if (!name)
			name = strv_getenv(a, "coracle.name");
		r = restore(entry, ns ? ns : STORE_NS_DEFAULT, name, env, host, e);
		*images += r == 0;
		if (r == -ENOENT || r == -EBADMSG) {
			strv_addf(lost, "image '%s': %s", str_or(name, "<none>"), e->text);
			err_clear(e);
			r = 0;
		}
	}
	return r;
}
