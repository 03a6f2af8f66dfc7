/* xattr.h - which extended attributes layers carry, and reading them.
 *
 * Layers carry user.*, file capabilities and access lists.  What steers an
 * overlay or forges an owner is neither taken from a layer nor put into one
 * (RELIABILITY C7); what a container set below user.overlay. the kernel keeps
 * below user.overlay.overlay., and it is read under the container's name.
 *
 * Private to lib/image.  Ownership: struct xattrs owns everything.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

bool xattr_is_control(const char *name);
bool xattr_is_wanted(const char *name);

struct xattr {
	char *name;
	void *value;
	size_t len;
};

struct xattrs {
	struct xattr *v;		/* sorted by name */
	size_t len;
};

#define XATTRS_INIT { .v = NULL }

void xattrs_clear(struct xattrs *x);

static inline void xattrs_auto(struct xattrs *x)
{
	xattrs_clear(x);
}

/* Those of a file or directory that is open (not O_PATH).  raw: as they are on
 * disk, with all that steers overlays.  A file system without them has none. */
int xattrs_read(struct xattrs *out, int fd, bool raw, struct err *e) MUST_CHECK;

bool xattrs_eq(const struct xattrs *a, const struct xattrs *b);
