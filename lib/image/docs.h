/* docs.h - the documents of an image that the content store holds.
 *
 * Needs nothing but the store and lib/fmt: the fast program uses it.
 *
 * Ownership: struct image_docs owns its members.
 * Errors: -ENOENT a document is not here (the platform was never pulled, or a
 * blob was lost); -EBADMSG one that is none.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/limits.h"
#include "lib/fmt/imgconf.h"
#include "lib/fmt/manifest.h"
#include "lib/store/store.h"

struct image_docs {
	struct digest target;		/* what was asked for */
	struct digest manifest_digest;	/* of the platform's manifest */
	struct manifest manifest;
	struct imgconf config;
	struct buf config_raw;		/* its bytes */
	uint64_t size;			/* config and layers, compressed */
};

#define IMAGE_DOCS_INIT { .config_raw = BUF_INIT(MAX_IMGCONF) }

void image_docs_clear(struct image_docs *d);

static inline void image_docs_auto(struct image_docs *d)
{
	image_docs_clear(d);
}

/* Reads what is below target, a manifest or an index; of an index the entry
 * for want.  A manifest has as many layers as its config has diff ids. */
int image_docs_load(struct image_docs *out, struct store *s,
		    const struct digest *target, const struct platform *want,
		    struct err *e) MUST_CHECK;

/* The same check for documents in memory: fills all but target and
 * config_raw's owner; config_raw is copied. */
int image_docs_parse(struct image_docs *out, const struct buf *manifest,
		     const struct digest *manifest_digest,
		     const struct buf *config, struct err *e) MUST_CHECK;

/* Are the blobs of all layers here?  1, 0. */
int image_docs_are_whole(const struct image_docs *d, struct store *s,
			 struct err *e) MUST_CHECK;
