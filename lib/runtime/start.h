/* start.h - starts a container from its plan.
 *
 *	rt_prepare()	optional: the namespaces and the id maps, while the rest is
 *			still being decided
 *	rt_start()	clone, id maps, and every step up to the container's own
 *			program: afterwards it is "created"
 *	rt_go()		lets the program run; returns when execve() succeeded
 *
 * Between the two the caller starts what needs the container's namespaces (a
 * network helper) and may give up: rt_abort() kills what there is.
 *
 * With a plan that says `remote` another process does the last part: rt_let_go()
 * by the first one, which then may end, and rt_connect() by the other.
 *
 * The child of clone re-executes the program itself from a read-only clone of
 * its file, so that nothing in the container can reach a writable host binary
 * (RELIABILITY A1).  So main() of every program that calls rt_start() begins
 * with rt_inner(), which does not return in such a child.
 *
 * Nothing is allocated here, and no descriptor but those named is kept.
 *
 * Ownership: descriptors in struct rt_args stay the caller's; those in struct
 * rt_container belong to it until rt_clear().  The child is the caller's to
 * reap.  rt_start() has killed and reaped everything when it fails.
 * Errors: those of the steps, with plan_describe()'s words; -ENOENT and
 * -EACCES of rt_go(): the program was not found (shells: 127), or cannot be
 * executed (126); key is "rt.exec" for these.  -ECANCELED: another runtime
 * failed, key "rt.call".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/fmt/spec.h"
#include "lib/os/tap.h"
#include "lib/os/userns.h"

struct rt_args {
	int plan_fd;		/* the blob in a sealed memfd */
	const void *plan;	/* the same, mapped; plan_check() liked it */
	size_t plan_len;
	int stdio[3];		/* -1: /dev/null; unused with a terminal */
	int cgroup_fd;		/* directory of the container's cgroup; -1 */
	int exe_fd;		/* rt_container.exe_fd of an earlier start; -1 */
	const char *exe;	/* the program with rt_inner(); NULL: ours */
	int listen_fd;		/* a listening socket, for a remote plan; -1 */
};

#define RT_ARGS_INIT \
	{ .plan_fd = -1, .stdio = { -1, -1, -1 }, .cgroup_fd = -1, .exe_fd = -1, \
	  .listen_fd = -1 }

struct rt_container {
	pid_t pid;		/* of its init, as we see it */
	int pidfd;
	int exe_fd;		/* what rt_exec() runs, read-only; -1: a new copy each time */
	int console_fd;		/* pty master; -1 without a terminal */
	int sync_fd;		/* to the child, until rt_go() */
	struct tap tap;		/* fd -1: none */
	uint32_t rungs;		/* PLAN_RUNG_* taken */
	const void *early;	/* borrowed: prepared by rt_prepare() with this */
	ino_t early_cgroup;	/* that it was prepared in; 0: none */
	struct userns_job maps;	/* of a prepared one: still being written */
	pid_t fuse_pid;		/* server of the root file system; 0: none */
	int fuse_pidfd;
};

#define RT_CONTAINER_INIT {					\
	.pid = -1, .pidfd = -1, .exe_fd = -1, .console_fd = -1,	\
	.sync_fd = -1, .tap = { .fd = -1 }, .fuse_pidfd = -1,	\
	.maps = { .errs = { -1, -1 } },				\
}

/* early: of plan_compile_early(), checked, and there until rt_start().
 * cgroup_fd: where the container is going to be, -1: nowhere.  No words are
 * needed of what fails here: rt_start() tries again. */
int rt_prepare(struct rt_container *out, const void *early, int cgroup_fd,
	       struct err *e) MUST_CHECK;

/* out: RT_CONTAINER_INIT, or prepared.  What was prepared for another plan is
 * thrown away. */
int rt_start(struct rt_container *out, const struct rt_args *a,
	     struct err *e) MUST_CHECK;
int rt_go(struct rt_container *c, const struct rt_args *a,
	  struct err *e) MUST_CHECK;

/* From now on the init waits for whoever connects to a->listen_fd. */
int rt_let_go(struct rt_container *c, struct err *e) MUST_CHECK;

/* For rt_go(): a container that another process started.  pid: its init's;
 * name: of the socket, in that directory. */
int rt_connect(struct rt_container *c, pid_t pid, int dirfd, const char *name,
	       struct err *e) MUST_CHECK;

/* Does the init still wait there?  Not any more once rt_go() has told it. */
bool rt_is_waiting(int dirfd, const char *name);

/* A listening socket with that name. */
int rt_listen(int dirfd, const char *name, struct err *e) MUST_CHECK;

/* The plan's hooks of a point behind the start, in the runtime's namespaces.
 * One that fails keeps the others from running, unless it is told about. */
typedef void rt_hook_failed(const char *words, void *arg);
int rt_run_hooks(const void *plan, enum spec_hook_point point, pid_t pid,
		 rt_hook_failed *failed, void *arg, struct err *e) MUST_CHECK;

/* Kills and reaps the init (and the fuse server), releases the rest. */
void rt_abort(struct rt_container *c);

/* Releases the descriptors; the processes stay. */
void rt_clear(struct rt_container *c);

/* First thing in main(): runs the child's part when argv[0] says so. */
void rt_inner(int argc, char **argv);

/* For a container that another runtime makes with an init of ours, under this
 * name: the command runs, and the first process reaps and hands signals on.
 * Returns -errno when it does not run. */
#define RT_ALONE "/dev/coracle-init"
int rt_alone(char **argv) MUST_CHECK;

/* The shell's exit status for an error of rt_go(), rt_exec(): 127, 126; 125
 * for all others. */
int rt_exit_status(const struct err *e);
