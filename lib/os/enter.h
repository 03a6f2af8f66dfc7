/* enter.h - runs a function in a child process inside a user namespace.
 *
 * For work on trees whose files belong to mapped ids: unpacking, removing,
 * copying, comparing.  The child has all capabilities over its namespace and
 * is uid 0 there when the map has one.  The caller's own ids are always mapped
 * too, so that the child can reach the caller's files: where the map lacks
 * them they get the first free ids inside.
 *
 * Without a map (NULL) the child stays in our user namespace; so it does for
 * root with a map that changes nothing.
 *
 * The parent must be single-threaded.  The child inherits all descriptors,
 * must not use handles of sqlite or curl, and dies with its parent.
 *
 * Ownership: a struct enter_child must be finished or aborted.
 * Errors: -EPERM, -ENOSPC, -EUSERS: no user namespace to be had; those of
 * lib/os/userns.h; else what the function returned, with its text.  A child
 * that was killed is -EIO, or -ENOMEM for SIGKILL.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/fmt/idmap.h"

/* 0 or more is success; it arrives unchanged. */
typedef int enter_fn(void *arg, struct err *e);

struct enter_opts {
	const struct idmap *map;	/* NULL: no user namespace */
	bool mount_ns;			/* own mount namespace, private */
};

struct enter_child {
	pid_t pid;			/* -1: none */
	int result_fd;			/* readable when the child is done */
};

#define ENTER_CHILD_INIT { .pid = -1, .result_fd = -1 }

/* Start, wait, give back what fn returned. */
int enter_run(const struct enter_opts *o, enter_fn *fn, void *arg,
	      struct err *e) MUST_CHECK;

/* The same in two halves.  arg must live until the start returned; the child
 * works on a copy of our memory. */
int enter_start(struct enter_child *out, const struct enter_opts *o,
		enter_fn *fn, void *arg, struct err *e) MUST_CHECK;
int enter_finish(struct enter_child *c, struct err *e) MUST_CHECK;

/* Kills and reaps; an empty one is fine. */
void enter_child_auto(struct enter_child *c);

/* Removes a tree whose files may belong to ids of the map. */
int enter_rmtree(const struct enter_opts *o, int dirfd, const char *name,
		 struct err *e) MUST_CHECK;
