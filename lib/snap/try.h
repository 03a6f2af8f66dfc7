/* try.h - what probes share: a directory to try something in.
 *
 * Inside lib/snap only.
 */
#pragma once

#include "lib/base/err.h"
#include "lib/os/enter.h"
#include "lib/snap/snap.h"

struct snap_try {
	const char *dir;		/* a path: descriptors are of the outer mounts */
	const struct snap_driver *driver;	/* whatever fn wants: what to try, */
	const char *fuse;		/* the program; NULL: the kernel's overlay */
};

/* fn gets t, with the path of an empty directory on env->base, in a child
 * inside env->map with a mount namespace of its own; all is removed again.
 * -ENOTSUP: it failed, and the reason is this machine's. */
int snap_try(const struct snap_env *env, struct snap_try *t, enter_fn *fn,
	     struct err *e) MUST_CHECK;
