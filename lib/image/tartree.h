/* tartree.h - a file or directory tree as a tar stream (pax), by descriptors.
 *
 * Nothing below the start is looked up by more than one component, and no
 * link is followed, so a tree that somebody changes meanwhile gives a stream
 * that is merely mixed.  Sockets are left out.  A file that shrinks while it
 * is read is filled with zeros.
 *
 * Names of users and groups are never looked up.
 * Errors: those of reading and writing; -EPIPE the reader went away.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/err.h"

struct tartree_opts {
	const char *name;		/* of the top entry; "": only what is in it */
	bool squash;			/* all belongs to uid and gid; no xattrs */
	bool no_setid;			/* and no program is setuid or setgid */
	uid_t uid;
	gid_t gid;
};

/* dirfd/base, which may be "." */
int tartree_write(int out_fd, int dirfd, const char *base, const struct tartree_opts *o,
		  struct err *e) MUST_CHECK;
