#include "lib/image/layers.h"

#include <inttypes.h>
#include <string.h>

#include "lib/store/snapshots.h"

/* A chain is named by all diff ids that it is made of. */
static void add_chain(struct buf *out, const struct image_docs *d, size_t count)
{
	char hex[DIGEST_TEXT_MAX];

	for (size_t i = 0; i < count; i++) {
		digest_hex(&d->config.diff_ids[i], hex);
		buf_addf(out, "+%s", hex);
	}
}

/* An image that has a layer twice has it unpacked where it comes first. */
static size_t first_same(const struct image_docs *d, size_t layer)
{
	const struct digest *diffs = d->config.diff_ids;

	for (size_t i = 0; i < layer; i++)
		if (digest_eq(&diffs[i], &diffs[layer]))
			return i;
	return layer;
}

void layers_map_key(struct buf *out, const struct image_docs *d,
		    const struct image_env *env, size_t layer,
		    enum layer_kind kind)
{
	if (env->is_trial)
		buf_adds(out, LAYER_TRIAL);
	if (env->map)
		idmap_key(env->map, out);
	else
		buf_adds(out, "-");
	if (env->driver->form == SNAP_MERGED)
		add_chain(out, d, layer + 1);
	else if (kind == LAYER_CHAINED)
		add_chain(out, d, first_same(d, layer));
	else if (kind == LAYER_BOTTOM)
		buf_adds(out, "+bottom");
}

static int find_kind(int64_t *id, const struct image_docs *d,
		     const struct image_env *env, size_t layer,
		     enum layer_kind kind, const struct lease *l, struct err *e)
{
	AUTO(buf) struct buf key = BUF_INIT(KIB(128));
	struct err why = ERR_INIT;
	int r;

	layers_map_key(&key, d, env, layer, kind);
	r = buf_ok(&key, "id map", e);
	if (r < 0)
		return r;
	r = snapshot_find_layer(id, env->store, env->driver->name,
				&d->config.diff_ids[layer], key.data, l, &why);
	return r == -ENOENT ? r : r < 0 ? err_move(e, &why) : 0;
}

int layers_find_one(int64_t *id, enum layer_kind *kind,
		    const struct image_docs *d, const struct image_env *env,
		    size_t layer, const struct lease *l, struct err *e)
{
	int r = -ENOENT;

	for (int k = LAYER_PLAIN; k < LAYER_KINDS && r == -ENOENT && !e->code; k++) {
		*kind = (enum layer_kind)k;
		r = find_kind(id, d, env, layer, *kind, l, e);
	}
	return r;
}

int layers_find(int64_t ids[static MAX_LAYERS], size_t *count,
		const struct image_docs *d, const struct image_env *env,
		const struct lease *l, struct err *e)
{
	size_t n = d->config.diff_count, first = n;
	bool is_merged = env->driver->form == SNAP_MERGED;
	enum layer_kind kind = LAYER_PLAIN;
	int64_t found[MAX_LAYERS];
	int r = 0;

	/* from the top, and not below what hides the rest */
	while (first && r == 0 && kind != LAYER_BOTTOM && !(is_merged && first < n)) {
		first--;
		if (is_merged)
			r = find_kind(&found[first], d, env, first, kind, l, e);
		else
			r = layers_find_one(&found[first], &kind, d, env, first, l, e);
	}
	if (r == -ENOENT && !e->code)
		return err_set(e, ENOENT, "layer %zu of %zu is not unpacked", first + 1, n);
	if (r < 0)
		return r;
	*count = n - first;
	memcpy(ids, found + first, *count * sizeof(*ids));
	return 0;
}

int layers_parts(int64_t ids[static MAX_LAYERS], size_t *count,
		 const struct image_docs *d, const struct image_env *env, struct err *e)
{
	int r = layers_find(ids, count, d, env, NULL, e);

	if (r < 0 || !env->driver->is_chained)
		return r;
	for (size_t i = 0; i + 1 < d->config.diff_count && r == 0; i++) {
		r = find_kind(&ids[*count], d, env, i, LAYER_PLAIN, NULL, e);
		if (r == 0)
			++*count;
		else if (!e->code)
			r = 0;
	}
	return r;
}

void layers_names(struct strv *out, const int64_t *ids, size_t count)
{
	while (count)
		strv_addf(out, "%" PRId64, ids[--count]);
}
