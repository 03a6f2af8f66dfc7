/* imgusage.h - what an image takes on disk, and what of that it shares.
 *
 * Content is its blobs as they were fetched; unpacked are the snapshots of its
 * layers, by one snapshotter and under one id map.  A layer is shared when
 * another image, of any namespace, has the same snapshot; two names of one
 * image share nothing by that.
 *
 * Errors: -ENOENT a document of the image is not in the store any more.
 */
#pragma once

#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/map.h"
#include "lib/image/layers.h"
#include "lib/store/images.h"

struct ctr_imgusage {
	uint64_t content;
	uint64_t unpacked;		/* 0: it is not */
	uint64_t shared;		/* of unpacked */
};

/* All images, looked through once. */
struct ctr_imgusages {
	const struct image_env *env;	/* borrowed */
	struct map users;		/* snapshot id -> config digest, owned; "" several */
};

void ctr_imgusages_auto(struct ctr_imgusages *u);

int ctr_imgusages_open(struct ctr_imgusages *out, const struct image_env *env,
		       struct err *e) MUST_CHECK;
int ctr_imgusage(struct ctr_imgusage *out, const struct ctr_imgusages *u,
		 const struct image *image, struct err *e) MUST_CHECK;
