/* cgroup.h - control groups, version 2 only.
 *
 * A cgroup is named by its path below the cgroup2 mount ("/user.slice/x") and
 * worked on by a descriptor of its directory.  On machines with both versions
 * the v2 tree is found where it is mounted; controllers bound to v1 are then
 * simply not available.
 *
 * Ownership: descriptors are the caller's.
 * Errors: -ENOENT no cgroup2 tree, or no such cgroup; -EACCES, -EROFS not
 * delegated to us; -EBUSY processes are left.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"

#define CGROUP_PATH_MAX 512

/* The mount of the v2 tree: path, and a descriptor of its top. */
struct cgroup_tree {
	int fd;
	char mount[64];
};

int cgroup_tree_open(struct cgroup_tree *out, struct err *e) MUST_CHECK;
void cgroup_tree_auto(struct cgroup_tree *t);

/* The cgroup of a process (0: ours), below the mount. */
int cgroup_of(pid_t pid, char out[static CGROUP_PATH_MAX], struct err *e) MUST_CHECK;

/* Opens an existing one; the path must have no "..". */
int cgroup_open(const struct cgroup_tree *t, const char *path,
		struct err *e) MUST_CHECK;

/* In the tree that is mounted, for who needs nothing else of that. */
int cgroup_open_path(const char *path, struct err *e) MUST_CHECK;

/* May we make cgroups below this one and move processes into them? */
bool cgroup_is_delegated(const struct cgroup_tree *t, const char *path);

/* May we move processes from our own cgroup to that one?  Whoever does must be
 * allowed to write to the nearest cgroup above both. */
bool cgroup_can_reach(const struct cgroup_tree *t, const char *path);

/* Makes path and its missing parents and enables in each parent, as far as
 * they are to be had, the controllers that containers use. A descriptor. */
int cgroup_create(const struct cgroup_tree *t, const char *path,
		  struct err *e) MUST_CHECK;

/* Could it be a container's alone?  -EBUSY: it has processes, or is frozen;
 * -EOPNOTSUPP: it is threaded.  One that is missing could. */
int cgroup_check_free(const struct cgroup_tree *t, const char *path,
		      struct err *e) MUST_CHECK;

/* Makes it such a one, and enables controllers in every cgroup above that may
 * be changed. */
int cgroup_claim(const struct cgroup_tree *t, const char *path,
		 struct err *e) MUST_CHECK;

/* Lets a user make cgroups in it, as far as we can: the files that the kernel
 * names for that, never the limits. */
void cgroup_give(int fd, uid_t uid, gid_t gid);

/* Not where the cgroup above it is threaded. */
bool cgroup_can_hold(int fd);

int cgroup_move(int fd, pid_t pid, struct err *e) MUST_CHECK;
int cgroup_freeze(int fd, bool on, struct err *e) MUST_CHECK;	/* waits until it is */
void cgroup_thaw(int fd);					/* does not wait */
bool cgroup_is_frozen(int fd);					/* or is about to be */

/* All of it, and of what is below it.  The signal reaches what is frozen when
 * it is thawed, but SIGKILL at once. */
int cgroup_signal(int fd, int sig, struct err *e) MUST_CHECK;
int cgroup_kill(int fd, struct err *e) MUST_CHECK;

/* Removes path and the empty cgroups below it, for whose last processes it
 * waits a moment; a missing one is fine. */
int cgroup_remove(const struct cgroup_tree *t, const char *path,
		  struct err *e) MUST_CHECK;

/* The same for an open one. */
int cgroup_remove_open(const struct cgroup_tree *t, int fd, struct err *e) MUST_CHECK;

bool cgroup_is_populated(int fd);
void cgroup_await_empty(int fd, uint64_t timeout_ns);
