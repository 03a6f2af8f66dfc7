/* make.h - an image that is made here: of layers that are blobs already, and a
 * configuration.
 *
 * The manifest is OCI's, whatever the image below was; its layers keep their
 * bytes.  The new documents, then the layers on disk, then the name: nobody
 * sees the image before it is whole, and all is durable on return.
 *
 * Private to lib/image and lib/ctr.
 * Errors: -ENOENT the blob of a layer is not here any more; -EBADMSG the
 * configuration has what images may not have; those of unpacking.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/fmt/imgconf.h"
#include "lib/image/layers.h"
#include "lib/store/lease.h"

struct make_options {
	const struct image_env *env;
	const struct lease *lease;	/* pins the layers */
	const char *ns;
	const char *name;		/* canonical text; NULL: none */
	const struct imgconf *config;	/* diff ids and history are complete */
	const struct desc *layers;	/* bottom first */
	size_t layer_count;
};

struct make_result {
	struct digest id;		/* of the configuration */
	struct digest replaced;		/* the image that lost the name; or unset */
};

/* May an image have this configuration? */
int make_check(const struct imgconf *c, struct err *e) MUST_CHECK;

int make_image(struct make_result *out, const struct make_options *o,
	       struct err *e) MUST_CHECK;

/* "2026-01-31T12:00:00Z" as configurations have it; the caller frees it. */
char *make_time(uint64_t wall_ns) MUST_CHECK;
