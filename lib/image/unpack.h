/* unpack.h - a layer's tar stream becomes a directory.
 *
 * libarchive reads the tar; everything that touches the file system is here
 * and works on descriptors (RELIABILITY C1-C8):
 *   - only the parent of an entry is resolved, inside the root; the last
 *     component is never followed; symlink text is stored as it is
 *   - owners, modes, times and xattrs are set on the descriptor of what was
 *     just made; directories get their times at the end
 *   - whiteouts become the form of the snapshotter
 *   - xattrs that would steer an overlay or forge an owner are dropped
 *   - long runs of zeros become holes
 *
 * Runs inside the user namespace whose map the tree is for (enter.h), or
 * outside with UNPACK_OWNERS_RECORD.
 *
 * Errors: -EBADMSG not a valid layer; -EFBIG beyond a limit, which is named;
 * -EOVERFLOW an owner outside the map (hint subid.small); -ENOSPC; those of
 * the reader.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/snap/snap.h"

/* The next bytes of the tar: their number, 0 at the end.  They stay valid
 * until the next call. */
typedef ssize_t unpack_read_fn(void *arg, const void **data, struct err *e);

/* path is a hard link to what this layer does not have. */
typedef int unpack_link_fn(void *arg, const char *path, const char *target,
			   struct err *e);

enum unpack_owners {
	UNPACK_OWNERS_SET,	/* chown; every id must be mapped */
	UNPACK_OWNERS_RECORD,	/* squash to our own ids and record what differs
				 * in user.containers.override_stat */
};

struct unpack_opts {
	int root_fd;			/* where to; for SNAP_MERGED it may
					 * hold the layers below */
	enum snap_form form;
	enum unpack_owners owners;
	uint64_t max_bytes;		/* 0: MAX_LAYER_BYTES */
	uint64_t max_entries;		/* 0: MAX_LAYER_ENTRIES */
	bool plain;			/* a copy, not a layer: no name is a whiteout,
					 * and no directory makes room (-EISDIR) */

	/* Told about what was left out (aufs metadata, control xattrs,
	 * devices made as empty files): once per kind.  May be NULL. */
	void (*warn)(void *arg, const char *text);
	void *arg;

	/* Hard links whose target is not in this layer, at the end; what is at
	 * the path then is said in links.h.  NULL: they are errors. */
	unpack_link_fn *link;
	void *link_arg;
};

struct unpack_stats {
	uint64_t entries;
	uint64_t bytes;			/* of regular files, as they claim */
	bool is_bottom;			/* stacked: the root is opaque, and overlays
					 * do not look at that: nothing may be below */
};

int unpack_tar(struct unpack_stats *out, const struct unpack_opts *o,
	       unpack_read_fn *read, void *arg, struct err *e) MUST_CHECK;

/* "uid:gid:mode" as containers/storage and fuse-overlayfs write it. */
#define XATTR_OVERRIDE "user.containers.override_stat"
