/* userns.h - writes the id maps of a user namespace that a child has made.
 *
 * Maps that need a privilege we lack are written by newuidmap and newgidmap,
 * both at the same time; others are written directly, and then, without
 * privilege, setgroups(2) is denied first, as the kernel wants it.
 *
 * The child must be dumpable until this returns.  Nothing is allocated.
 * Errors: -ENOENT a helper is not there; -EPERM refused: the range is not
 * granted in /etc/subuid or /etc/subgid, or the helper lost its setuid bit;
 * with the helper's own words when it said some.  Key "userns.helper".
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/fmt/idmap.h"

/* Maps as texts of id_print(): "inside outside count\n"... */
struct userns_maps {
	const char *uid_map;
	const char *gid_map;
	const char *newuidmap;		/* NULL: write uid_map directly */
	const char *newgidmap;
	bool deny_setgroups;
};

int userns_write_maps(pid_t pid, const struct userns_maps *m,
		      struct err *e) MUST_CHECK;

/* The same in two halves, so that the caller can work in between. */
struct userns_job {
	pid_t pids[2];			/* helpers that run; 0: none */
	int errs[2];			/* read ends of their stderr */
};

int userns_begin(struct userns_job *out, pid_t pid,
		 const struct userns_maps *m, struct err *e) MUST_CHECK;
int userns_finish(struct userns_job *j, const struct userns_maps *m,
		  struct err *e) MUST_CHECK;

/* Where the helpers are ("/usr/bin/newuidmap"), or NULL: in the usual places. */
const char *userns_find_helper(const char *name, char *out, size_t size);

/* Needs this map a helper, for a caller with these ids and no privilege? */
bool userns_needs_helper(const struct id_ranges *m, uint32_t self);

/* Root, and not just of a user namespace: every id there is is its own. */
bool userns_is_machines_root(void);
