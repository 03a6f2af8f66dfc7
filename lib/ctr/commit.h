/* commit.h - an image of what a container has become.
 *
 * How it works.  The layers below stay as they are.  What the container changed
 * (changes.h) is written as one more layer by a child in the container's id
 * map, and packed into the content store on this side of a pipe; nothing is
 * mounted, and the time is that of what changed.  Without a change there is no
 * new layer.  The configuration is the image's, with what the container was
 * started with, and then the changes that are asked for.
 *
 * A running container is frozen meanwhile where it has a cgroup.  A helper
 * holds the other end of a pipe and thaws it when that closes, so that nothing
 * that ends us leaves it frozen; where it cannot be frozen, files that are
 * being written may be mixed, and env->notices say so.
 *
 * Needs the libraries of coracle-image.
 * Errors: -EOPNOTSUPP a container of --rootfs; -ENOENT the image's documents
 * or layers are not in the store any more; -E2BIG too many layers.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/strv.h"
#include "lib/ctr/ctr.h"
#include "lib/image/make.h"

struct ctr_commit_opts {
	const char *name;		/* canonical text; NULL: none */
	const char *author;		/* may be NULL */
	const char *message;		/* may be NULL */
	const struct strv *changes;	/* imgchange.h */
	bool pause;
	uint64_t created_ns;
	bool clamp_times;		/* no file is younger than that */
	const struct image_env *image;	/* how the new layer is unpacked */
};

int ctr_commit(struct make_result *out, struct ctr_env *env, const struct ctr *c,
	       const struct ctr_commit_opts *o, struct err *e) MUST_CHECK;
