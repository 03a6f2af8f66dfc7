/* exe.h - our own program as something a container cannot change.
 *
 * A read-only clone of the file's mount costs 0.01 ms, but whoever has
 * CAP_SYS_ADMIN over a mount namespace could make it writable again, and
 * making one needs that capability; a sealed copy in memory is final.
 *
 * Return a descriptor (the caller's, close-on-exec) or -errno.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#include "lib/base/cleanup.h"

/* In the child, which has its own mount namespace.  -ESTALE: path is another
 * file than the one that st describes. */
int exe_clone(const char *path, const struct stat *st) MUST_CHECK;

/* Good for one process only: once it does not run any more, a container's root
 * could hold it open for writing, so that nobody can execute it; and change it
 * where memory files are hidden (lib/base/fd.h). */
int exe_seal(const char *path) MUST_CHECK;

/* Is the file that we run beyond the reach of every id that a container of
 * ours can have?  So it is when it belongs to root, is not writable for others
 * and we are not root; and when it is a sealed copy.  Then nothing needs to be
 * executed anew. */
bool exe_is_safe(const struct stat *st);
