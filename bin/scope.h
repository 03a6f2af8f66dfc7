/* scope.h - a transient scope of the user's systemd (root: the system's),
 * with its cgroup delegated to us, or a place in one that is there.
 */
#pragma once

#include <sys/types.h>

#include "lib/base/err.h"

/* Makes NAME.scope around a process, or moves the process to a cgroup below
 * it when leaf is given, and prints the cgroup in which the process then is. */
int scope_of(const char *name, pid_t pid, const char *leaf, struct err *e) MUST_CHECK;
