/* checkpoint.h - a running container saved as a directory of images, and made
 * again from it, by criu.
 *
 * The images hold its processes, their namespaces, the file systems in memory
 * and the cgroups below its own.  What they do not hold comes again from
 * config.json: the root file system, what is bound from the host, the cgroup,
 * a network namespace that is joined.  Standard streams that were pipes, or a
 * terminal, become those of who restores; files of the host are opened again.
 * CHECKPOINT_FILE beside the images tells what of all this there was.
 *
 * Only the machine's root can do either.  A directory of images is trusted as
 * a program of root's would be: whoever can change it becomes root.
 *
 * Ownership: structs only lend.
 * Errors: -EOPNOTSUPP the member of the spec that stands against it; -ENOENT no
 * criu, key "criu.missing"; -EINVAL not such a directory; -EIO criu failed, in
 * its own words.
 */
#pragma once

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/fmt/checkpoint.h"
#include "lib/fmt/spec.h"
#include "lib/runtime/start.h"

struct rt_images {
	const char *dir;
	const char *work;		/* for criu's log: an existing directory */
	const char *cgroups;		/* what criu does with those below: "soft" ... */
	bool tcp_established;		/* connections are kept; else an error */
	bool ext_unix_sk;		/* sockets may be connected to the outside */
	bool shell_job;			/* its session's leader may be outside */
	bool file_locks;		/* locks are kept; else an error */
	bool empty_net;			/* its network namespace is saved as if empty */
	bool verbose;			/* the log is long */
};

/* Says what of a container cannot be saved or restored. */
int rt_check_saved(const struct spec *s, struct err *e) MUST_CHECK;

struct rt_save {
	const struct spec *spec;	/* the container's */
	pid_t pid;			/* its init */
	const char *cgroup;		/* absolute path: it is frozen meanwhile */
	const char *parent;		/* images of before, relative to dir; NULL */
	bool memory_only;		/* for a later one to build on; it goes on */
	bool leave_running;
};

/* Its processes have been killed afterwards, unless it is to go on; when this
 * fails they go on as well. */
int rt_save(const struct rt_images *i, const struct rt_save *s, struct err *e) MUST_CHECK;

struct rt_restore {
	const struct spec *spec;	/* sources of mounts are absolute */
	const char *cgroup;		/* below the cgroup2 mount */
	const char *dir;		/* absolute, the container's own */
	int stdio[CHECKPOINT_STREAMS];
};

/* Its init is our child, as after rt_start(); it runs.  Nothing is left when
 * this fails, but what criu could not kill in the cgroup.  We have no_new_privs
 * afterwards if the spec has it. */
int rt_restore(struct rt_container *out, const struct rt_images *i,
	       const struct rt_restore *s, struct err *e) MUST_CHECK;
