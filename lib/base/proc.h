/* proc.h - processes: start one, wait for it, tell it apart from its
 * successors.
 *
 * A spawned program gets the descriptors of its map and nothing else, default
 * signal dispositions and an empty signal mask.
 *
 * Identity on disk is struct proc_id: pid, start time and boot.  In memory it
 * is a pidfd.  A pid alone is never trusted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"

struct proc_fd {
	int from;		/* ours */
	int to;			/* theirs */
};

struct proc_spec {
	const char *path;	/* no search in PATH; or file, when search */
	int exec_fd;		/* 0: path; else this executable, by descriptor */
	bool search;		/* look path up in PATH */
	char *const *argv;
	char *const *env;	/* NULL: ours */
	const struct proc_fd *fds;	/* 0, 1, 2 not in it become /dev/null */
	size_t fd_count;
	bool new_session;
};

struct proc {
	pid_t pid;
	int pidfd;
};

#define PROC_INIT { .pid = -1, .pidfd = -1 }

int proc_spawn(struct proc *out, const struct proc_spec *spec,
	       struct err *e) MUST_CHECK;

/* Waits for the end; *status as waitpid gives it. The proc is empty after. */
int proc_wait(struct proc *p, int *status, struct err *e) MUST_CHECK;

/* The shell's number for a wait status: exit code, or 128 + signal. */
int proc_exit_code(int status);

/* Runs a program to its end, gathers at most b->max bytes of its output (b may
 * be NULL), feeds it input (may be NULL).  A status other than 0 is -EIO, and
 * -ENOMEM that somebody killed it. */
int proc_run(const struct proc_spec *spec, const char *input, struct buf *b,
	     struct err *e) MUST_CHECK;

void proc_auto(struct proc *p);	/* kills and reaps what still runs */

struct proc_id {
	pid_t pid;
	uint64_t start;		/* clock ticks since boot: /proc/PID/stat 22 */
	char boot[BOOT_ID_LEN + 1];
};

int proc_id_of(struct proc_id *out, pid_t pid, struct err *e) MUST_CHECK;

/* Start time of a live process; -ESRCH when there is none. */
int proc_start_time(pid_t pid, uint64_t *start, struct err *e) MUST_CHECK;

/* A pidfd when the very same process still runs (zombies do not), else
 * -ESRCH. */
int proc_id_open(const struct proc_id *id, struct err *e) MUST_CHECK;
bool proc_id_is_alive(const struct proc_id *id);

/* A signal by number or name: "SIGTERM", "term", "15", "rtmin+2". */
int proc_signal(int *out, const char *text, struct err *e) MUST_CHECK;

/* --- handles on processes ---
 *
 * Where there is no pidfd_open(2), the process' directory in /proc stands for
 * the pidfd: it belongs to that process alone and is empty after its end, but
 * cannot be polled.  These functions take either.  Return 0 or -errno. */

int proc_pidfd_open(pid_t pid) MUST_CHECK;
int proc_pidfd_kill(int pidfd, int sig);

/* 1: it has ended, 0: not within timeout_ms (-1: for ever). */
int proc_pidfd_wait(int pidfd, int timeout_ms) MUST_CHECK;

/* What poll(2) takes for it, -1: nothing, it has to be asked now and then. */
int proc_pidfd_poll(int pidfd);

/* Its directory in /proc, which is a new descriptor; -ESRCH after its end. */
int proc_pidfd_dir(int pidfd) MUST_CHECK;
