/* check.h - the deep half of a check of the store, and what it takes to repair a
 * layer.
 */
#pragma once

#include "lib/image/layers.h"
#include "lib/store/check.h"

/* Does the blob hash to its name?  A check_blob_fn. */
int image_check_blob(int fd, const struct digest *d, struct err *e) MUST_CHECK;

/* A lost layer is unpacked again from its blob, and what lies on it then lies
 * on that.  -ENOENT: no image has it; -ENOTSUP: it was unpacked under another
 * id map than env's. */
int image_restore_layer(int64_t id, const struct image_env *env, struct err *e) MUST_CHECK;
