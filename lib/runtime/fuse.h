/* fuse.h - inside the runtime: the fuse-overlayfs server of a root file system.
 *
 * It runs outside the container's pid and mount namespaces, so that the
 * container cannot see or stop it, but inside its user namespace, so that
 * owners are the container's.  The container's init mounts the device, we
 * hand it to the server as an already mounted descriptor.
 */
#pragma once

#include <stdint.h>

#include "lib/base/err.h"
#include "lib/runtime/start.h"

/* Starts the server for that step of the plan; c gets its pid and pidfd. */
int fuse_serve(struct rt_container *c, const void *plan, uint32_t step,
	       int device, struct err *e) MUST_CHECK;
