#include "bin/filter_image.h"

#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/ctr/create.h"
#include "lib/fmt/ref.h"

static int by_dangling(const void *o, void *arg UNUSED, const char *value, struct err *e)
{
	bool wanted;
	int r = filter_bool(&wanted, "dangling", value, e);

	return r < 0 ? r : !((const struct image *)o)->name == wanted;
}

static int by_label(const void *o, void *arg, const char *value, struct err *e)
{
	AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
	int r = ctr_image_docs(&docs, arg, o, e);

	return r < 0 ? r : filter_label(&docs.config.run.labels, value);
}

/* Positive when the image was created after the other one. */
static int compare_age(const struct image *i, struct ctr_env *env, const char *text, int sign,
		       struct err *e)
{
	AUTO(image) struct image other = IMAGE_INIT;
	int r = ctr_find_image(&other, env, text, e);

	if (r < 0)
		return r;
	return sign > 0 ? i->created_ns > other.created_ns : i->created_ns < other.created_ns;
}

static int by_before(const void *o, void *arg, const char *value, struct err *e)
{
	return compare_age(o, arg, value, -1, e);
}

static int by_since(const void *o, void *arg, const char *value, struct err *e)
{
	return compare_age(o, arg, value, 1, e);
}

static int by_until(const void *o, void *arg UNUSED, const char *value, struct err *e)
{
	return filter_until(((const struct image *)o)->created_ns, value, e);
}

/* A pattern for the name as people write it, with or without its tag. */
static int by_reference(const void *o, void *arg UNUSED, const char *value, struct err *e UNUSED)
{
	const struct image *i = o;
	AUTO(buf) struct buf name = BUF_INIT(KIB(4)), bare = BUF_INIT(KIB(4));
	AUTO(ref) struct ref ref = REF_INIT;
	struct err ignored = ERR_INIT;

	if (!i->name || ref_parse(&ref, i->name, &ignored) < 0)
		return 0;
	ref_familiar(&ref, &name);
	ref_familiar_name(&ref, &bare);
	return str_matches(name.data, value) || str_matches(bare.data, value);
}

const struct filter_key image_filters[] = {
	{ "dangling", by_dangling }, { "label", by_label }, { "before", by_before },
	{ "since", by_since }, { "until", by_until }, { "reference", by_reference }, { NULL, NULL },
};

const struct filter_key image_prune_filters[] = {
	{ "until", by_until }, { "label", by_label }, { NULL, NULL },
};
