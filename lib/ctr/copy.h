/* copy.h - files into containers and out of them, running or not.
 *
 * How it works.  One process reads the source and writes a tar stream, another
 * one unpacks it at the destination.  The one on the container's side is a
 * child inside the container's user namespace; its root is a descriptor that
 * was opened before: /proc/PID/root of the init of a running container, or the
 * root file system with its volumes, mounted in a mount namespace of the
 * child.  Every path of the container is resolved below that root, by the
 * kernel, and then only single components are used (RELIABILITY B5, B7): a
 * container that changes its files meanwhile gets a mixed copy, and nothing
 * outside is touched.  That is why it need not be frozen, and a copy that is
 * killed leaves it running.  The child never executes, loads or looks up
 * anything of the container.
 *
 * Paths are docker's: "DIR/." is what is in DIR; a destination that is a
 * directory is copied into; a trailing slash says that it is one.  Paths of a
 * container are relative to its root.
 *
 * Owners: what goes in belongs to the container's root, what comes out to the
 * caller; with archive the ids stay as the container has them.
 *
 * Needs libarchive: for coracle-image only.
 * Errors: -ENOENT, -ENOTDIR, -EISDIR about the paths; -EROFS.
 */
#pragma once

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/ctr/ctr.h"

struct ctr_copy_opts {
	bool follow;			/* -L: a link as source is what it leads to */
	bool archive;			/* -a: keep owners */
};

int ctr_copy_in(struct ctr_env *env, const struct ctr *c, const char *host, const char *inside,
		const struct ctr_copy_opts *o, struct err *e) MUST_CHECK;
int ctr_copy_out(struct ctr_env *env, const struct ctr *c, const char *inside, const char *host,
		 const struct ctr_copy_opts *o, struct err *e) MUST_CHECK;

/* The same with a tar stream on the host's side, which has its own owners;
 * one that is read may be compressed. */
int ctr_copy_in_tar(struct ctr_env *env, const struct ctr *c, int tar_fd, const char *inside,
		    struct err *e) MUST_CHECK;
int ctr_copy_out_tar(struct ctr_env *env, const struct ctr *c, const char *inside, int tar_fd,
		     const struct ctr_copy_opts *o, struct err *e) MUST_CHECK;

/* The whole root file system as a tar stream, with owners as the container has
 * them; what is mounted in it, volumes too, is shown empty.  In a running
 * container the kernel's overlay may show a file of the image and a new hard
 * link to it as two files; then they come as two. */
int ctr_export(struct ctr_env *env, const struct ctr *c, int tar_fd, struct err *e) MUST_CHECK;
