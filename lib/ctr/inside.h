/* inside.h - a command that sees a snapshot or an image mounted.
 *
 * How it works.  A child in a user and a mount namespace of its own mounts it,
 * runs the command there and waits: nobody else sees the mount, and it is gone
 * when the last process of that namespace is.  In there the command is root
 * over the ids of containers, and has the caller's files as they are.
 *
 * One process at a time may write to a snapshot (two overlays over one upper
 * directory would spoil it), and nobody commits or removes it meanwhile: it
 * holds a lock on the snapshot's directory.
 *
 * Ownership: strings are borrowed; the root is the struct's.
 * Errors: -EBUSY it is mounted by somebody who writes; those of the mount.
 */
#pragma once

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/ctr/ctr.h"
#include "lib/ctr/snaps.h"
#include "lib/snap/snap.h"
#include "lib/store/lease.h"
#include "rootless/idmap.h"

struct ctr_inside {
	struct rootfs root;
	struct ids ids;
	int lock_fd;			/* held until the end; -1: none */
	const char *target;		/* absolute; NULL: the working directory is the root */
	char *const *argv;
	bool read_only;
};

#define CTR_INSIDE_INIT { .root = ROOTFS_INIT, .lock_fd = -1, .read_only = true }

void ctr_inside_clear(struct ctr_inside *in);

static inline void ctr_inside_auto(struct ctr_inside *in)
{
	ctr_inside_clear(in);
}

/* Of a snapshot; without read_only it has to be an active one of a user's. */
int ctr_inside_snap(struct ctr_inside *in, struct ctr_env *env, const struct ctr_snap *s,
		    struct err *e) MUST_CHECK;

/* Of an image, unpacked when it is not yet; the lease keeps its layers. */
int ctr_inside_image(struct ctr_inside *in, struct ctr_env *env, const struct lease *l,
		     const struct snap_driver *d, const char *image, struct err *e) MUST_CHECK;

/* Needs the store no more.  Returns the exit status of the command as a shell
 * has it. */
int ctr_inside_run(const struct ctr_inside *in, const char *fuse_overlayfs,
		   struct err *e) MUST_CHECK;
