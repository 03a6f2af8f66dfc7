/* pull.h - an image comes from its registry into the store.
 *
 * How it works.  The reference is resolved to a manifest (through an index
 * when there is one).  All blobs that are missing are then fetched at once by
 * the calling process, each into the ingest file of its digest.  Unpack
 * workers, children inside the user namespace, read those files right behind
 * the writer: they hash, inflate, hash again and unpack.  A shared page tells
 * them how far each file has come, and the parent how far they are.  When all
 * is there, one syncfs makes it durable, then everything is renamed into place
 * and the rows are written, the image's last.
 *
 * A pull holds a lease; blobs that arrived stay when it fails, partly
 * downloaded ones too, and the next pull goes on from there.  Two pulls of one
 * blob meet at its ingest: the second waits for the first.
 *
 * Errors: as lib/registry/client.h, stream.h and unpack.h have them; -ENOENT
 * with PULL_NEVER and no such image.
 */
#pragma once

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/fmt/desc.h"
#include "lib/fmt/digest.h"
#include "lib/fmt/ref.h"
#include "lib/image/layers.h"
#include "lib/registry/client.h"

enum pull_policy {
	PULL_ALWAYS,		/* ask the registry, fetch what changed */
	PULL_MISSING,		/* only when the store lacks the image */
	PULL_NEWER,		/* as ALWAYS; what we have when it cannot be asked */
	PULL_NEVER,
};

struct pull_options {
	const struct ref *ref;			/* complete, with tag or digest */
	const char *ns;				/* logical namespace */
	const struct platform *platform;
	enum pull_policy policy;
	struct registry *registry;		/* unused with PULL_NEVER */
	struct image_env env;
};

struct pull_result {
	struct digest target;		/* what the reference names now */
	struct digest manifest;		/* of the platform */
	struct digest config;		/* the image id */
	bool is_new;			/* the name did not point there before */
};

int pull_image(struct pull_result *out, const struct pull_options *o,
	       struct err *e) MUST_CHECK;
