/* tree.h - the directory that a layer is unpacked into: finding places in it,
 * making room, and what is known about the directories that were made.
 *
 * Paths are normalised: components joined by '/', no ".", "..", nor empty
 * ones, and "" is the root.  The way to the last directory is kept open, one
 * descriptor per component, so that the next entry of the same directory costs
 * nothing.  What is kept stays right as long as directories and links are only
 * removed through tree_remove(), which drops it.
 *
 * Directories are made 0700 and get their owner, mode and times in
 * tree_finish(): so none is in the way before, be it unreadable or setgid.
 *
 * Private to lib/image.  Ownership: descriptors that tree_parent() returns
 * belong to the tree and live until the next call.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "lib/base/err.h"
#include "lib/base/limits.h"
#include "lib/base/map.h"
#include "lib/base/strv.h"
#include "lib/image/unpack.h"

#define TREE_LEVELS 128

struct tree_level {
	char name[MAX_COMPONENT + 1];
	size_t len;
	int fd;
};

/* Owner, mode and time of an entry, as the container sees them. */
struct tree_meta {
	uint32_t uid;
	uint32_t gid;
	mode_t mode;			/* permission bits only */
	struct timespec mtime;
};

struct tree {
	int root_fd;
	enum snap_form form;
	bool record;			/* owners are recorded, not set */
	uid_t uid;			/* what new files belong to */
	gid_t gid;
	struct tree_level level[TREE_LEVELS];
	size_t depth;			/* levels in use */
	int deep_fd;			/* of a parent below them all; or -1 */
	struct map dirs;		/* path -> struct tree_meta, owned */
	struct map added;		/* SNAP_MERGED: paths of this layer */
	struct strv hidden;		/* whiteouts, for tree_hide() */
	struct strv opaque;
	struct map links;		/* links.h: path -> target, owned */
	size_t links_bytes;
};

void tree_init(struct tree *t, const struct unpack_opts *o);
void tree_clear(struct tree *t);

/* Normalises a name from an archive.  ".." stops at the root, as it does for a
 * process.  -EBADMSG: beyond MAX_PATH, MAX_COMPONENT or MAX_DEPTH. */
int tree_normalize(char out[static MAX_PATH], const char *name,
		   struct err *e) MUST_CHECK;

/* O_PATH descriptor of the directory that path is in, and its last component.
 * create: what is missing is made, what is no directory is replaced.
 * -ENOENT, -ENOTDIR without create. */
int tree_parent(struct tree *t, const char *path, bool create,
		const char **base, struct err *e) MUST_CHECK;

/* Removes whatever has that name; nothing is fine. */
int tree_remove(struct tree *t, int parent, const char *base,
		struct err *e) MUST_CHECK;

/* This layer has an entry of that path. */
void tree_add(struct tree *t, const char *path);

/* A directory gets this at the end; the last call for a path counts. */
void tree_note_dir(struct tree *t, const char *path,
		   const struct tree_meta *meta);

/* Owner and mode for a file, fifo or directory that is open (not O_PATH) and
 * was made with plain_mode.  device: NULL, or what it stands for. */
int tree_apply(const struct tree *t, int fd, const struct tree_meta *meta,
	       mode_t plain_mode, const char *device, struct err *e) MUST_CHECK;

/* An owner that has to be set. */
bool tree_is_foreign(const struct tree *t, const struct tree_meta *meta);

/* The error of a chown that failed. */
int tree_chown_failed(const struct tree_meta *meta, struct err *e);

/* Owners, modes and times of all directories. */
int tree_finish(struct tree *t, struct err *e) MUST_CHECK;

/* --- whiteouts (whiteouts.c) --- */

/* The layer hides path, or all that is below dir in lower layers.  With
 * SNAP_MERGED it is done at once, sparing what this layer added; else
 * remembered. */
int tree_hide(struct tree *t, const char *path, struct err *e) MUST_CHECK;
int tree_make_opaque(struct tree *t, const char *dir, struct err *e) MUST_CHECK;

/* Makes the whiteouts that were remembered, in any order the same. */
int tree_finish_whiteouts(struct tree *t, struct err *e) MUST_CHECK;
