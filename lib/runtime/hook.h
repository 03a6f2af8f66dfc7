/* hook.h - inside the runtime: one hook (runtime-spec config.md "POSIX-platform
 * Hooks").
 *
 * Hooks of the container's namespaces are run by its init, where they stand in
 * the plan; those of the runtime's (STEP_OUTSIDE) by whoever started it: it is
 * asked to at their place, and finds those of later points behind OP_EXEC.
 *
 * A hook gets the container's state on its standard input, and what is ours on
 * the other two.  Nothing of ours but these reaches it.
 */
#pragma once

#include <sys/types.h>

#include "lib/fmt/spec.h"
#include "lib/runtime/step.h"

/* pid: the container's init as those outside know it, 0 when it is gone.
 * 0; -ECANCELED: it said no; -ETIMEDOUT: it was killed; or -errno. */
int hook_run(const void *plan, const struct plan_step *s, pid_t pid);
