/* scope.h - transient scopes of the user's systemd (the machine's root: the
 * system's), with their cgroups delegated to us.
 *
 * Where we are root of a user namespace only, the user's systemd is still
 * meant.  Errors are D-Bus's, worded by systemd; key SCOPE_NO_BUS: there is none
 * to be reached.
 */
#pragma once

#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/fmt/spec.h"
#include "lib/os/cgroup.h"

#define SCOPE_NO_BUS "scope.bus"
#define SCOPE_EXIT_NO_BUS 2		/* of coracle-scope */

struct scope_request {
	const char *unit;		/* "a.scope" */
	const char *slice;		/* NULL: the manager's choice */
	pid_t pid;			/* the scope begins around it */
	const struct spec *spec;	/* its limits and annotations; NULL: none */
};

/* path: the cgroup in which the process then is. */
int scope_start(char path[static CGROUP_PATH_MAX], const struct scope_request *q,
		struct err *e) MUST_CHECK;

/* Moves a process to the cgroup leaf below a scope that is there. */
int scope_enter(char path[static CGROUP_PATH_MAX], const char *unit, const char *leaf,
		pid_t pid, struct err *e) MUST_CHECK;

int scope_update(const char *unit, const struct spec_resources *limits,
		 struct err *e) MUST_CHECK;

/* Ends what is left in it; one that is not there is fine. */
int scope_stop(const char *unit, struct err *e) MUST_CHECK;
