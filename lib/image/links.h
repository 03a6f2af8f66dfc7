/* links.h - hard links to what is not there yet.
 *
 * Layers are unpacked side by side, each into a directory of its own, but a
 * hard link may lead to a file that only a lower layer has (or that comes
 * later in the same one).  While a layer is unpacked such a link is a socket,
 * which layers cannot hold otherwise, so that all that happens to its name
 * happens to it.  At the end of the layer links_settle() makes the links whose
 * target is there by then and hands the others on; links_resolve() makes these
 * when all layers of the image are there: copies, as a container's write would
 * make them.
 *
 * What a layer holds then depends on those below it, see layers.h.
 *
 * Private to lib/image.
 * Errors: -EBADMSG the target is nowhere, or a directory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "lib/base/err.h"
#include "lib/image/tree.h"

/* --- in one layer --- */

/* Makes base in parent a link to the file itself, which may be O_PATH.
 * -errno without text. */
int link_fd(int fd, int parent, const char *base);

/* Is it a link that waits? */
static inline bool link_is_waiting(const struct stat *st)
{
	return S_ISSOCK(st->st_mode);
}

/* The link at path, which exists as such a socket, waits for target. */
int links_add(struct tree *t, const char *path, const char *target,
	      struct err *e) MUST_CHECK;

/* What the one at path waits for; NULL: unknown. */
const char *links_target(const struct tree *t, const char *path);

/* fn, called for what cannot be made here, may be NULL: that is an error. */
int links_settle(struct tree *t, unpack_link_fn *fn, void *arg,
		 struct err *e) MUST_CHECK;

/* --- in an image --- */

/* The file beside a layer's "fs" that keeps its waiting links: pairs of path
 * and target, each with its NUL. */
#define LINKS_FILE "links"

int links_note(int dir_fd, const char *path, const char *target,
	       struct err *e) MUST_CHECK;

struct links_layer {
	int dir_fd;		/* holds "fs" */
	bool has_links;		/* and LINKS_FILE, which goes */
};

/* (child) Makes them, in layers that are lowest first. */
int links_resolve(const struct links_layer *layers, size_t count,
		  enum snap_form form, struct err *e) MUST_CHECK;
