/* diff.h - what a container changed: its own tree against the layers below.
 *
 * How it works.  With stacked drivers only what is in the upper directory is
 * looked at, and below it only the same names: the time is that of what
 * changed.  An entry there is a change, a whiteout a deletion; of a directory
 * that hides what is below it (it was removed and made again) the names that
 * are gone are deletions of their own, so that nobody has to know about opaque
 * directories.  With SNAP_MERGED both trees are walked and compared by type,
 * mode, owner, size, times, link target, device and extended attributes, and
 * by content where a file was touched since the copy was made and all that is
 * the same.
 *
 * Changes come depth first, names sorted by bytes, a directory before what is
 * in it.  A directory that has changes in it is one itself.
 *
 * Empty files and directories that were made for something to be mounted on
 * are not the container's doing and are passed over.
 *
 * Runs where the ids of the trees are mapped (enter.h).  A tree that changes
 * meanwhile gives a mixed answer.
 */
#pragma once

#include <sys/stat.h>
#include <time.h>

#include "lib/base/err.h"
#include "lib/base/strv.h"
#include "lib/snap/snap.h"

enum diff_kind { DIFF_ADDED = 'A', DIFF_CHANGED = 'C', DIFF_DELETED = 'D' };

struct diff_item {
	enum diff_kind kind;
	const char *path;		/* "etc/passwd"; "" is the root */
	int dirfd;			/* what has it; of a directory itself, */
	const char *base;		/* and this is "." */
	const struct stat *st;		/* NULL: DIFF_DELETED */
};

/* Stops at the first negative answer. */
typedef int diff_fn(void *arg, const struct diff_item *item, struct err *e);

struct diff_opts {
	enum snap_form form;
	int upper_fd;			/* the container's tree */
	const int *lower_fds;		/* the layers' trees, topmost first */
	size_t lower_count;		/* of SNAP_MERGED: one */
	struct timespec since;		/* SNAP_MERGED: the copy was complete */
	const struct strv *places;	/* of mounts: "etc/hosts" */
	bool raw;			/* two copies of one layer: marks count as well */
};

int diff_walk(const struct diff_opts *o, diff_fn *fn, void *arg, struct err *e) MUST_CHECK;
