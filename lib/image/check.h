/* check.h - the deep half of a check of the store, and what it takes to repair a
 * layer.
 */
#pragma once

#include "lib/image/layers.h"
#include "lib/store/check.h"

/* Does the blob hash to its name?  A check_blob_fn. */
int image_check_blob(int fd, const struct digest *d, struct err *e) MUST_CHECK;

/* Compares every layer with what its blob gives: each image is unpacked once
 * more, beside, and that copy goes again.  Adds a finding for each layer that
 * differs; what has no image or lacks a blob is passed over. */
int image_check_layers(struct findings *out, const struct image_env *env,
		       struct err *e) MUST_CHECK;

/* A lost layer is unpacked again from its blob, and what lies on it then lies
 * on that.  -ENOENT: no image has it; -EBUSY: a container runs on it. */
int image_restore_layer(int64_t id, const struct image_env *env, struct err *e) MUST_CHECK;
