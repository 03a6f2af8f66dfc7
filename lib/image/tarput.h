/* tarput.h - a tar stream (pax) of files, entry by entry, by descriptors.
 *
 * Names that were written already become hard links.  Files keep their holes
 * (GNU's sparse format 1.0), but not in layers: docker and podman cannot write
 * such a layer again as it was, and unpack.h finds the holes by itself.
 * Extended attributes are those of xattr.h.  The same files give the same
 * bytes: names of users are never looked up, and of the times only that of the
 * last change is told, in whole seconds (docker's layers have no others).
 * Sockets are left out, and so is what went away meanwhile; a file that shrinks
 * while it is read is filled with zeros.
 *
 * With recorded, for trees that were unpacked with UNPACK_OWNERS_RECORD, owners
 * are what was recorded.  Devices that stand as empty files are devices again;
 * where ids are real ones, only those that root owns: nobody else can have
 * made up what they are.
 *
 * Private to lib/image; used inside the user namespace of the tree.
 * Errors: those of reading and writing; -EPIPE the reader went away.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "lib/base/err.h"

struct tarput;

struct tarput_opts {
	bool squash;			/* all belongs to uid and gid; no xattrs */
	bool no_setid;			/* and no program is setuid or setgid */
	bool no_holes;			/* of a layer */
	uid_t uid;
	gid_t gid;
	bool recorded;
	bool is_clamped;		/* no time is later than latest_s */
	time_t latest_s;
};

/* o is borrowed until the end. */
int tarput_open(struct tarput **out, int fd, const struct tarput_opts *o,
		struct err *e) MUST_CHECK;

/* A directory that is open, without what is in it. */
int tarput_dir(struct tarput *t, const char *path, int fd, struct err *e) MUST_CHECK;

/* Anything else: base in dirfd. */
int tarput_other(struct tarput *t, const char *path, int dirfd, const char *base,
		 struct err *e) MUST_CHECK;

/* An empty file or directory that is there for its name: root's, of 1970. */
int tarput_mark(struct tarput *t, const char *path, mode_t mode, struct err *e) MUST_CHECK;

/* The end of the archive. */
int tarput_end(struct tarput *t, struct err *e) MUST_CHECK;

/* Without tarput_end() the archive is cut short, and readers see it. */
void tarput_free(struct tarput *t);

static inline void tarput_auto(struct tarput **t)
{
	if (*t)
		tarput_free(*t);
	*t = NULL;
}
