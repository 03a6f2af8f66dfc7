/* tartree.h - a file or directory tree as a tar stream (tarput.h), by
 * descriptors, names sorted.
 *
 * Nothing below the start is looked up by more than one component, and no
 * link is followed, so a tree that somebody changes meanwhile gives a stream
 * that is merely mixed.
 *
 * Errors: those of tarput.h.
 */
#pragma once

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/image/tarput.h"

struct tartree_opts {
	const char *name;		/* of the top entry; "": only what is in it */
	bool one_mount;			/* what is mounted in it is shown empty */
	struct tarput_opts put;
};

/* dirfd/base, which may be "." */
int tartree_write(int out_fd, int dirfd, const char *base, const struct tartree_opts *o,
		  struct err *e) MUST_CHECK;
