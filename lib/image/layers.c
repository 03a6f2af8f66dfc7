#include "lib/image/layers.h"

#include <inttypes.h>

#include "lib/store/snapshots.h"

/* A chain is named by all diff ids that it is made of. */
void layers_map_key(struct buf *out, const struct image_docs *d,
		    const struct image_env *env, size_t count)
{
	char hex[DIGEST_TEXT_MAX];

	if (env->map)
		idmap_key(env->map, out);
	else
		buf_adds(out, "-");
	if (env->driver->form != SNAP_MERGED)
		return;
	for (size_t i = 0; i < count; i++) {
		digest_hex(&d->config.diff_ids[i], hex);
		buf_addf(out, "+%s", hex);
	}
}

int layers_find(int64_t ids[static MAX_LAYERS], size_t *count,
		const struct image_docs *d, const struct image_env *env,
		const struct lease *l, struct err *e)
{
	AUTO(buf) struct buf key = BUF_INIT(KIB(128));
	size_t n = d->config.diff_count;
	bool is_merged = env->driver->form == SNAP_MERGED;
	int r;

	layers_map_key(&key, d, env, n);
	r = buf_ok(&key, "id map", e);
	for (size_t i = is_merged && n ? n - 1 : 0, at = 0; i < n && r == 0; i++, at++)
		r = snapshot_find_layer(&ids[at], env->store, env->driver->name,
					&d->config.diff_ids[i], key.data, l, e);
	if (r == 0)
		*count = is_merged && n ? 1 : n;
	return r;
}

void layers_names(struct strv *out, const int64_t *ids, size_t count)
{
	while (count)
		strv_addf(out, "%" PRId64, ids[--count]);
}
