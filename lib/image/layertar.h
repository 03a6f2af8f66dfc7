/* layertar.h - what diff_walk() tells as the tar of a layer.
 *
 * What is gone is a whiteout (".wh.NAME", image-spec layer.md); directories are
 * never opaque, since diff_walk() names all that is gone.  A socket leaves
 * nothing behind but the absence of what it replaced.
 *
 * Private to lib/image and lib/ctr.
 * Errors: -ENOTSUP a name that would be a whiteout.
 */
#pragma once

#include "lib/image/diff.h"
#include "lib/image/tarput.h"

/* A diff_fn; the argument is a struct tarput. */
int layertar_put(void *tarput, const struct diff_item *item, struct err *e) MUST_CHECK;
