/* idmount.h - inside the runtime: mounts whose files have other owners inside.
 *
 * The kernel wants for that who has rights to the file system itself, which an
 * init in a user namespace has not: so it sends the mount to its parent.
 */
#pragma once

#include "lib/runtime/start.h"

/* Maps the ids of the mount as that step of the plan says: by a map of its own
 * or as the user namespace of c does. 0 or -errno. */
int idmount_serve(const struct rt_container *c, const void *plan, uint32_t step, int mount);
