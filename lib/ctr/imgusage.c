#include "lib/ctr/imgusage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/image/docs.h"
#include "lib/store/content.h"
#include "lib/store/snapshots.h"

struct found {
	struct image_docs docs;
	int64_t ids[MAX_LAYERS];
	size_t count;
};

static void found_auto(struct found *f)
{
	image_docs_clear(&f->docs);
}

static void snapshot_key(char out[static 24], int64_t id)
{
	snprintf(out, 24, "%lld", (long long)id);
}

void ctr_imgusages_auto(struct ctr_imgusages *u)
{
	for (size_t i = 0; i < u->users.len; i++)
		free(u->users.entries[i].value);
	map_clear(&u->users);
}

/* What is not unpacked has no layers. */
static int find(struct found *out, const struct ctr_imgusages *u, const struct image *image,
		struct err *e)
{
	static const struct platform any;
	int r = image_docs_load(&out->docs, u->env->store, &image->manifest, &any, e);

	if (r < 0)
		return r;
	r = layers_parts(out->ids, &out->count, &out->docs, u->env, e);
	if (r == -ENOENT) {
		err_clear(e);
		out->count = 0;
		r = 0;
	}
	return r;
}

static void add_user(struct ctr_imgusages *u, int64_t id, const char *config)
{
	char key[24], *others;

	snapshot_key(key, id);
	others = map_get(&u->users, key);
	if (!others)
		map_set(&u->users, key, mem_str(config));
	else if (!str_eq(others, config))
		*others = '\0';
}

/* One whose documents are damaged uses nothing that could be told. */
static int add_image(struct ctr_imgusages *u, const struct image *image)
{
	AUTO(found) struct found f = { .docs = IMAGE_DOCS_INIT };
	struct err ignored = ERR_INIT;
	char config[DIGEST_TEXT_MAX];
	int r = find(&f, u, image, &ignored);

	digest_print(&image->config, config);
	for (size_t i = 0; r == 0 && i < f.count; i++)
		add_user(u, f.ids[i], config);
	return r;
}

int ctr_imgusages_open(struct ctr_imgusages *out, const struct image_env *env,
		       struct err *e)
{
	AUTO(strv) struct strv namespaces = STRV_INIT;
	int r = store_ns_list(&namespaces, env->store, e);

	out->env = env;
	for (size_t i = 0; r == 0 && i < namespaces.len; i++) {
		AUTO(images) struct images list = IMAGES_INIT;

		r = image_list(&list, env->store, namespaces.v[i], NULL, e);
		for (size_t j = 0; r == 0 && j < list.len; j++)
			(void)add_image(out, &list.v[j]);
	}
	return r;
}

/* Each blob once, whatever names it has in the image. */
static int add_content(uint64_t *sum, const struct ctr_imgusages *u, const struct image *image,
		       const struct found *f, struct err *e)
{
	const struct manifest *m = &f->docs.manifest;
	uint64_t size = 0;
	AUTO_FD int fd = content_get(u->env->store, &image->manifest, &size, e);

	if (fd < 0)
		return fd;
	*sum = size + f->docs.config_raw.len;
	if (!digest_eq(&image->target, &image->manifest))
		*sum += image->size;
	for (size_t i = 0; i < m->layer_count; i++)
		*sum += manifest_repeats(m, i) ? 0 : m->layers[i].size;
	return 0;
}

/* A layer that the image has twice is there once. */
static bool is_again(const struct found *f, size_t layer)
{
	for (size_t i = 0; i < layer; i++)
		if (f->ids[i] == f->ids[layer])
			return true;
	return false;
}

int ctr_imgusage(struct ctr_imgusage *out, const struct ctr_imgusages *u,
		 const struct image *image, struct err *e)
{
	AUTO(found) struct found f = { .docs = IMAGE_DOCS_INIT };
	struct ctr_imgusage sum = { .content = 0 };
	char key[24];
	int r = find(&f, u, image, e);

	if (r == 0)
		r = add_content(&sum.content, u, image, &f, e);
	for (size_t i = 0; r == 0 && i < f.count; i++) {
		AUTO(snapshot) struct snapshot s = SNAPSHOT_INIT;

		if (is_again(&f, i))
			continue;
		r = snapshot_get(&s, u->env->store, f.ids[i], e);
		snapshot_key(key, f.ids[i]);
		sum.unpacked += s.size;
		if (str_eq(map_get(&u->users, key), ""))
			sum.shared += s.size;
	}
	if (r == 0)
		*out = sum;
	return r;
}
