/* rebuild.h - the images of a store whose database was lost (lib/store/rebuild.h):
 * the index of its layout has their names.
 *
 * Errors: those of the store.
 */
#pragma once

#include <stdint.h>

#include "lib/base/strv.h"
#include "lib/fmt/platform.h"
#include "lib/image/layers.h"

/* Each image of the index of which a manifest, its configuration and its layers
 * are there; the others are said in lost.  Of several platforms the one for
 * host is taken, if it is there. */
int image_rebuild(uint64_t *images, struct strv *lost, const struct image_env *env,
		  const struct platform *host, struct err *e) MUST_CHECK;
