/* exec.h - one more process in a running container.
 *
 * A helper of ours, running from the read-only clone that rt_start() left
 * (or from a sealed copy), joins the namespaces by pidfd, user namespace
 * first and not dumpable, and clones the process into them.  The process is
 * the caller's child and is reaped by it.
 *
 * Ownership and errors: as in start.h.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "lib/base/err.h"

struct rt_exec_args {
	const void *plan;	/* of plan_compile_exec(), checked */
	size_t plan_len;
	int init_pidfd;		/* pid 1 of the container */
	int stdio[3];		/* -1: /dev/null; unused with a terminal */
	int cgroup_fd;		/* -1: stays in the caller's */
	int exe_fd;		/* rt_container.exe_fd; -1: a sealed copy is made */
	const char *exe;	/* for that copy; NULL: our own program */
};

#define RT_EXEC_ARGS_INIT \
	{ .init_pidfd = -1, .stdio = { -1, -1, -1 }, .cgroup_fd = -1, .exe_fd = -1 }

struct rt_process {
	pid_t pid;
	int pidfd;
	int console_fd;		/* pty master, or -1 */
};

#define RT_PROCESS_INIT { .pid = -1, .pidfd = -1, .console_fd = -1 }

/* Returns when the program runs (execve() succeeded). */
int rt_exec(struct rt_process *out, const struct rt_exec_args *a,
	    struct err *e) MUST_CHECK;
