/* pack.h - a tar stream becomes the blob of a layer: gzip, in the content store.
 *
 * Hashed as it is and as it is packed, on the way.  The diff id depends on the
 * tar alone; the bytes of the blob also on what ISA-L makes of it on this kind
 * of processor.
 *
 * Private to lib/image.
 * Errors: those of the reader and of content.h; -EFBIG beyond MAX_LAYER_BYTES.
 */
#pragma once

#include <stdint.h>

#include "lib/base/err.h"
#include "lib/fmt/desc.h"
#include "lib/image/unpack.h"
#include "lib/store/lease.h"

struct packed {
	struct desc blob;
	struct digest diff;
	uint64_t tar_size;
};

#define PACKED_INIT { .blob = DESC_INIT }

static inline void packed_auto(struct packed *p)
{
	desc_clear(&p->blob);
}

/* Pinned by the lease; visible after the next content_barrier(). */
int pack_layer(struct packed *out, struct store *s, const struct lease *l,
	       unpack_read_fn *read, void *arg, struct err *e) MUST_CHECK;
