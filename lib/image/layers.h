/* layers.h - the layers of an image on disk: which exist, and making them.
 *
 * With stacked drivers each layer is a snapshot of its own, whoever its
 * parents are.  Two kinds are rare: one whose contents depend on the layers
 * below, because it has hard links to their files, is filed under a map key
 * that names these as well; and one that hides all that is below is marked, so
 * that lower layers are left away (overlays do not know such a mark).  With a
 * merged driver the whole image is one: it is filed under its topmost diff id,
 * and its map key also names the chain.  Where such a driver chains layers, the
 * same is done for each of them, with the chain up to it.
 *
 * layers.c needs no heavy library; layers_unpack() is in unpacker.c and
 * belongs to coracle-image.
 *
 * Errors: -ENOENT not unpacked, or a blob is not here; those of stream.h and
 * unpack.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/limits.h"
#include "lib/base/strv.h"
#include "lib/fmt/idmap.h"
#include "lib/image/docs.h"
#include "lib/snap/snap.h"
#include "lib/store/lease.h"

enum layer_state {
	LAYER_WAITING,
	LAYER_DOWNLOADING,	/* and unpacking behind it */
	LAYER_FETCHED,		/* all bytes are here, no worker was free yet */
	LAYER_UNPACKING,	/* all bytes are here */
	LAYER_DONE,
	LAYER_EXISTS,		/* nothing to do */
};

/* What happens, for a display.  Called from the main process only. */
struct image_progress {
	void (*layer)(void *arg, const struct digest *blob,
		      enum layer_state state, uint64_t done, uint64_t total);
	void (*note)(void *arg, const char *text);	/* a warning */
	void *arg;
};

/* Where and how layers are unpacked. */
struct image_env {
	struct store *store;
	const struct snap_driver *driver;	/* NULL: content only */
	const struct idmap *map;		/* NULL: no user namespace */
	bool record_owners;			/* the map has a single id */
	bool is_trial;				/* another copy, to compare with: it has keys
						 * of its own and lives as long as its lease */
	unsigned jobs;				/* workers; 0: one per CPU */
	const struct image_progress *progress;	/* may be NULL */
};

/* The snapshots of the layers, lowest first, as snapshot_create() takes them;
 * at most MAX_LAYERS.  l, when not NULL, pins them.  -ENOENT: not all are
 * there for this driver and map. */
int layers_find(int64_t ids[static MAX_LAYERS], size_t *count,
		const struct image_docs *d, const struct image_env *env,
		const struct lease *l, struct err *e) MUST_CHECK;

/* The snapshots that the image takes on disk, in any order: those, and what a
 * chained driver made them of. */
int layers_parts(int64_t ids[static MAX_LAYERS], size_t *count,
		 const struct image_docs *d, const struct image_env *env,
		 struct err *e) MUST_CHECK;

/* Ids as drivers take them: text, topmost first.  Appends. */
void layers_names(struct strv *out, const int64_t *ids, size_t count);

/* Unpacks from the blobs what is not unpacked.  Durable on return. */
int layers_unpack(const struct image_docs *d, const struct image_env *env,
		  struct err *e) MUST_CHECK;

enum layer_kind {
	LAYER_PLAIN,
	LAYER_CHAINED,		/* goes with exactly the layers below it */
	LAYER_BOTTOM,		/* nothing below it counts */
	LAYER_KINDS,
};

/* The map key under which such a layer is filed; with a merged driver the
 * chain up to it, whatever the kind.  Appends. */
void layers_map_key(struct buf *out, const struct image_docs *d,
		    const struct image_env *env, size_t layer,
		    enum layer_kind kind);

/* The snapshot of one layer of a stacked driver, and its kind; pinned by l
 * when that is not NULL.  -ENOENT, without text. */
int layers_find_one(int64_t *id, enum layer_kind *kind,
		    const struct image_docs *d, const struct image_env *env,
		    size_t layer, const struct lease *l, struct err *e) MUST_CHECK;
