/* boot.h - inside the runtime: from clone to our own re-executed program.
 *
 * boot_child() runs in a copy of the parent, possibly without any id mapped;
 * it arranges the descriptors, gets hold of a read-only form of our program
 * and executes that, whose rt_inner() then carries out the plan.  When nobody
 * in a container can write to our file anyway, it goes on without an execve,
 * which costs a third of a millisecond.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/base/err.h"
#include "lib/runtime/step.h"

struct boot {
	const struct plan_head *head;
	int plan_fd;			/* -1: it comes through the socket later */
	int sock;
	int peer;			/* its other end, the parent's */
	int stdio[3];
	int exe_fd;			/* -1: made from exe */
	const char *exe;
	struct stat exe_stat;
	bool direct;			/* our file is safe: no execve */
	const char *name;		/* RT_INIT_NAME, RT_EXEC_NAME */
	const int *more;		/* descriptors after the socket */
	unsigned more_count;
};

#define BOOT_MORE_MAX 4

/* Does the child go on without an execve?  Not where a first process stays
 * ours: it must be of the container's user namespace, as only execve makes it,
 * or nobody could join it. */
static inline bool boot_goes_on(const struct boot *b)
{
	return b->direct && !(b->head->flags & PLAN_F_INIT);
}

/* What a child that was made early is sent: the plan and its stdio. */
struct boot_late {
	uint8_t has_stdio;		/* bit n: descriptor n follows the plan */
};

int boot_send_late(int sock, int plan_fd, const int stdio[3], struct err *e);

_Noreturn void boot_child(struct boot *b);

/* The path of our program, or of exe when it is given, and what it is. */
#define BOOT_PATH_MAX 4096
int boot_find_exe(struct boot *b, const char *exe,
		  char path[static BOOT_PATH_MAX], struct err *e) MUST_CHECK;

/* clone3, or what stands for it on kernels without; 0 in the child. */
pid_t boot_clone(uint64_t flags, int *pidfd, int cgroup_fd);

/* Joins namespaces of the process that is open as pidfd, its user namespace
 * first. 0 or -errno. */
int boot_join(int pidfd, uint64_t flags);

/* A failed step in words: context and error. */
struct rt_msg;
int boot_error(const void *plan, const struct rt_msg *m, struct err *e);

/* The next message; *fd is its descriptor or -1.  1: a message, 0: the end. */
int boot_receive(int sock, struct rt_msg *m, int *fd, struct err *e);
