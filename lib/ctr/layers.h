/* layers.h - the layers of an image as a container needs them: unpacked under
 * its id map, by the driver of this machine; and its own layer on top.
 *
 * Layers that are not unpacked for this map yet are unpacked from their blobs
 * by coracle-image (keep-id never changes owners of what is there).
 *
 * Ownership: the struct owns its map key.
 */
#pragma once

#include <stdint.h>

#include "lib/base/err.h"
#include "lib/ctr/bundle.h"
#include "lib/image/layers.h"
#include "lib/store/lease.h"
#include "lib/store/snapshots.h"

struct ctr_layers {
	const struct snap_driver *driver;	/* NULL: none, a --rootfs */
	char *map;				/* key of the id map */
	int64_t ids[MAX_LAYERS];		/* lowest first */
	size_t count;
	const struct idmap *idmap;		/* borrowed */
};

#define CTR_LAYERS_INIT { .driver = NULL }

void ctr_layers_clear(struct ctr_layers *l);

static inline void ctr_layers_auto(struct ctr_layers *l)
{
	ctr_layers_clear(l);
}

/* b has config and ids. */
int ctr_layers_find(struct ctr_layers *out, struct ctr_env *env,
		    const struct ctr_bundle *b, const struct image_docs *docs,
		    struct err *e) MUST_CHECK;

/* The layers by themselves, of which there is one: their topmost is the upper
 * of a root that is only read. */
void ctr_layers_root(struct rootfs *out, struct ctr_env *env, const struct ctr_layers *l);

/* What lies on top of them, active or a view.  A driver that copies does so in
 * ctr_top_begin(), before the transaction which makes something of it, and a
 * lease holds it meanwhile; the others work within that, in ctr_top_take().
 * Without ctr_top_keep() after the transaction it goes again. */
struct ctr_top {
	struct ctr_env *env;
	const struct ctr_layers *layers;	/* borrowed */
	enum snapshot_kind kind;
	struct lease lease;
	int64_t id;				/* 0: none */
};

#define CTR_TOP_INIT { .id = 0 }

int ctr_top_begin(struct ctr_top *out, struct ctr_env *env, const struct ctr_layers *l,
		  enum snapshot_kind kind, struct err *e) MUST_CHECK;
int ctr_top_take(int64_t *snapshot, const struct ctr_top *t, struct err *e) MUST_CHECK;
void ctr_top_keep(struct ctr_top *t);
void ctr_top_auto(struct ctr_top *t);

/* Copies what the image has at target into the draft of a volume.  Nothing
 * there is fine. */
int ctr_layers_fill(struct ctr_env *env, const struct ctr_bundle *b,
		    const struct ctr_layers *l, const char *target, const char *draft,
		    struct err *e) MUST_CHECK;

/* What a container takes on disk, measured now and noted with its snapshot. */
struct ctr_size {
	uint64_t own;			/* its own layer */
	uint64_t all;			/* with the layers below, which may be shared */
};

int ctr_measure(struct ctr_size *out, struct ctr_env *env, const struct container *row,
		const struct ctr_config *config, struct err *e) MUST_CHECK;

/* The driver of this machine, or the one that is forced (may be NULL). */
int ctr_driver(const struct snap_driver **out, struct ctr_env *env,
	       const struct idmap *map, const char *forced, struct err *e) MUST_CHECK;
