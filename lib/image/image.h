/* image.h - an image that the store holds: its documents, its layers on disk.
 *
 * image_docs_load() and what it returns need nothing but the content store: no
 * heavy library is linked by image.c, so that the fast program may use it.
 * image_unpack() is in unpacker.c and belongs to coracle-image.
 *
 * Ownership: struct image_docs owns its members.
 * Errors: -ENOENT no such blob: the image is not whole (its platform was
 * never pulled, or a blob was lost); -EBADMSG a document that is none.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/fmt/desc.h"
#include "lib/fmt/idmap.h"
#include "lib/fmt/imgconf.h"
#include "lib/fmt/manifest.h"
#include "lib/snap/snap.h"

struct store;

struct image_docs {
	struct digest target;		/* what the name points at */
	struct digest manifest_digest;	/* of the platform's manifest */
	struct manifest manifest;
	struct imgconf config;
	struct buf config_raw;		/* its bytes, for inspect */
	uint64_t size;			/* config and layers, compressed */
};

#define IMAGE_DOCS_INIT { .config_raw = BUF_INIT(MAX_IMGCONF) }

void image_docs_clear(struct image_docs *i);

static inline void image_docs_auto(struct image_docs *i)
{
	image_docs_clear(i);
}

/* Reads the documents below target, which is a manifest or an index; of an
 * index the entry for want.  The number of layers and diff ids agree. */
int image_docs_load(struct image_docs *out, struct store *s, const struct digest *target,
	       const struct platform *want, struct err *e) MUST_CHECK;

/* Are config and all layers in the content store? */
bool image_is_whole(const struct image_docs *i, struct store *s);

enum layer_state {
	LAYER_WAITING,
	LAYER_DOWNLOADING,	/* and unpacking behind it */
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
	unsigned jobs;				/* workers; 0: one per CPU */
	const struct image_progress *progress;	/* may be NULL */
};

/* The ids of the layers' snapshots, topmost first, as drivers take them.
 * -ENOENT: not all are unpacked for this map. */
int image_layers(struct strv *ids, const struct image_docs *i,
		 const struct image_env *env, struct err *e) MUST_CHECK;

/* Unpacks what is not unpacked yet, from the blobs.  Durable on return. */
int image_unpack(const struct image_docs *i, const struct image_env *env,
		 struct err *e) MUST_CHECK;
