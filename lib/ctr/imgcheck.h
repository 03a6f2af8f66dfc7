/* imgcheck.h - is what an image needs in the store, and unpacked?
 *
 * Counted are the blobs that the image of its platform needs: index, manifest,
 * config and layers, each once.  A blob is there when its file has the size
 * that it should; bytes are not compared ('system check --deep' does).
 *
 * Errors: the store's.  A blob that is lost is an answer.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/image/layers.h"
#include "lib/store/images.h"

struct ctr_imgcheck {
	bool is_known;			/* what it needs; else the manifest is lost */
	size_t needed, there;		/* blobs */
	uint64_t needed_bytes, there_bytes;
	bool is_unpacked;		/* by env's driver, under its map */
};

static inline bool ctr_imgcheck_is_complete(const struct ctr_imgcheck *c)
{
	return c->is_known && c->there == c->needed;
}

int ctr_imgcheck(struct ctr_imgcheck *out, const struct image_env *env,
		 const struct image *image, struct err *e) MUST_CHECK;
