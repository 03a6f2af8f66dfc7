/* delegate.h - a cgroup for a container: a ladder.
 *
 *   1. below our own cgroup, or beside it when the parent is ours too
 *   2. in a scope of systemd's, which only limits are worth: it takes a D-Bus
 *      call, made by another program
 *   3. none
 *
 * Limits need their controllers enabled in the directory above, which the
 * kernel refuses as long as that holds processes.  Ours usually does: the
 * shell.  We move no process but the shim, so rung 1 has limits where somebody
 * prepared it, or in a directory between.  What a systemd keeps to itself, its
 * slices, is left alone even where the file modes would let us.
 *
 * In a scope the shim lives beside the container: SCOPE/shim, SCOPE/container.
 * When both are gone, systemd removes the scope.
 *
 * Errors: -EOPNOTSUPP limits were asked for with strict and cannot be had; key
 * "cgroup.none" or "cgroup.controller".  -EINVAL a limit that the kernel
 * refuses.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/fmt/spec_resources.h"
#include "lib/os/cgroup.h"
#include "lib/os/cgroup_limits.h"

struct delegate_request {
	const char *name;		/* of the new cgroup: one component */
	const struct spec_resources *limits;
	bool strict;
	const char *scoper;		/* coracle-scope */
	pid_t shim;			/* around which a scope is made */
};

struct delegated {
	int fd;				/* -1: none */
	char path[CGROUP_PATH_MAX];	/* "" none */
	char missing[128];		/* limits that do not hold: "memory pids" */
	char why[256];			/* they do not */
};

#define DELEGATED_INIT { .fd = -1 }

static inline void delegated_auto(struct delegated *d)
{
	fd_auto(&d->fd);
}

int delegate_create(struct delegated *out, const struct delegate_request *q,
		    struct err *e) MUST_CHECK;

/* Makes dir, a path in that tree, its parent, if we may use that. */
bool delegate_go_beside(char *dir, const struct cgroup_tree *tree);

/* Does the request need q->shim? */
static inline bool delegate_wants_shim(const struct delegate_request *q)
{
	return cgroup_wants_limits(q->limits);
}

/* Removes the cgroup of a container that did not start after all. */
void delegate_undo(struct delegated *d);

/* Moves a shim that adopts a container beside the one that has died, as far
 * as that needs help; path is the container's. */
void delegate_adopt(const char *path, const char *scoper, pid_t shim);
