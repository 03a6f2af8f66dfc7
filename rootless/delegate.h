/* delegate.h - a cgroup for a container: a ladder.
 *
 *   1. below our own cgroup, when that is delegated to us
 *   2. a scope of the user's systemd, made by the program `scoper` on request
 *      (only when limits are asked for: it takes a D-Bus call)
 *   3. none
 *
 * Errors: -EOPNOTSUPP limits were asked for with strict and cannot be had;
 * key "cgroup.none".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/fmt/spec.h"
#include "lib/os/cgroup.h"

struct delegated {
	int fd;				/* -1: none */
	char path[CGROUP_PATH_MAX];	/* "" none */
	char missing[128];		/* limits that do not hold: "memory pids" */
};

#define DELEGATED_INIT { .fd = -1 }

static inline void delegated_auto(struct delegated *d)
{
	fd_auto(&d->fd);
}

/* name: of the new cgroup, one component. */
int delegate_create(struct delegated *out, const char *name,
		    const struct spec_resources *limits, bool strict,
		    struct err *e) MUST_CHECK;
