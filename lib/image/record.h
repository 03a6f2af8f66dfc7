/* record.h - writes an image's row, the last step of pull and load: the blobs'
 * edges, then the name.  Durable on return.
 *
 * Private to lib/image.
 */
#pragma once

#include "lib/base/err.h"
#include "lib/fmt/desc.h"
#include "lib/image/layers.h"
#include "lib/store/images.h"
#include "lib/store/lease.h"

struct record {
	const char *ns;
	const char *name;		/* canonical text; NULL: none */
	struct digest target;
	const char *media_type;		/* of target */
	uint64_t size;			/* of target */
	const struct image_docs *docs;
	const struct image_env *env;
};

/* *replaced as image_put() sets it. */
int record_image(const struct record *rec, struct digest *replaced,
		 struct err *e) MUST_CHECK;

/* manifest -> config, layers. */
int record_edges(struct store *s, const struct image_docs *d,
		 struct err *e) MUST_CHECK;

/* A document becomes a blob, pinned by the lease and visible after the next
 * content_barrier(); *out is its digest. */
int record_doc(struct digest *out, struct store *s, const struct lease *l,
	       const struct buf *text, struct err *e) MUST_CHECK;
