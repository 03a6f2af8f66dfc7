/* getter.h - brings all layers of an image into the store: what is missing is
 * fetched, verified and unpacked, all at once.
 *
 * How it works.  Layers are got in rounds.  A round takes all that nobody else
 * is working on, downloads them side by side and lets workers unpack behind
 * the writer; at its end everything becomes durable together.  What another
 * process was working on is looked at again in the next round; nothing is held
 * while waiting, so that two pulls cannot wait for each other.
 *
 * With a merged driver the blobs come first and are unpacked in order after.
 *
 * Private to lib/image.
 */
#pragma once

#include "lib/base/err.h"
#include "lib/fmt/ref.h"
#include "lib/image/layers.h"
#include "lib/store/lease.h"

struct registry;

struct get_options {
	const struct image_docs *docs;
	const struct image_env *env;
	const struct lease *lease;
	struct registry *registry;	/* NULL: the blobs must be here */
	const struct ref *ref;		/* where they are fetched from */
};

/* Durable on return, except for blobs that wait for content_barrier(). */
int layers_get(const struct get_options *o, struct err *e) MUST_CHECK;
