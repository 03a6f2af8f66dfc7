#include "lib/runtime/exec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/base/fd.h"
#include "lib/fmt/bitlist.h"
#include "lib/runtime/boot.h"
#include "lib/runtime/exe.h"
#include "lib/runtime/exec_child.h"
#include "lib/runtime/init.h"
#include "lib/runtime/listener.h"
#include "lib/runtime/step.h"

static _Noreturn void child_fail(int sock, uint32_t step, int r)
{
	(void)rt_tell(sock, RT_MSG_ERROR, step, -r, 0, -1);
	_exit(125);
}

/* execCPUAffinity's first part: until we are in the container's cgroup. */
static int set_cpus(int plan_fd, const struct plan_head *h)
{
	uint64_t bits[BITLIST_MAX / 64];

	if (!h->cpus_len)
		return 0;
	if (pread(plan_fd, bits, h->cpus_len, h->cpus) != (ssize_t)h->cpus_len ||
	    syscall(SYS_sched_setaffinity, 0, (size_t)h->cpus_len, bits) < 0)
		return -errno;
	return 0;
}

/* Already our re-executed, read-only self.  The process that it makes is a
 * sibling: the caller's child, and in the container's pid namespace. */
_Noreturn void exec_child_main(unsigned preserve)
{
	int first = 3 + (int)preserve;
	int sock = first + 1, init_pidfd = first + 2, cgroup_fd = first + 3;
	struct plan_head head;
	int pidfd = -1;
	pid_t pid;
	int r;

	/* Before anybody inside can see us (RELIABILITY A3). */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    pread(first, &head, sizeof(head), 0) != sizeof(head))
		child_fail(sock, RT_STEP_REEXEC, -errno);
	fd_cloexec_from(first);
	r = set_cpus(first, &head);
	if (r < 0)
		child_fail(sock, RT_STEP_CPUS, r);
	/* The cgroup namespace last, by the new process: seen from inside it,
	 * we are in no cgroup that anybody could leave for another. */
	r = boot_join(init_pidfd, head.join_flags & ~(uint64_t)CLONE_NEWCGROUP);
	if (r < 0)
		child_fail(sock, RT_STEP_JOIN, r);
	if (fcntl(cgroup_fd, F_GETFD) < 0)
		cgroup_fd = -1;
	pid = boot_clone(CLONE_PARENT, &pidfd, cgroup_fd);
	if (pid == 0) {
		if (cgroup_fd >= 0)
			(void)close(cgroup_fd);
		r = boot_join(init_pidfd, head.join_flags & CLONE_NEWCGROUP);
		if (r < 0)
			child_fail(sock, RT_STEP_JOIN, r);
		(void)close(init_pidfd);
		init_main(preserve, false);
	}
	if (pid < 0)
		child_fail(sock, RT_STEP_FORK, -errno);
	(void)rt_tell(sock, RT_MSG_PROCESS, 0, pid, 0, pidfd);
	_exit(0);
}

static void reap(pid_t pid, bool kill_it)
{
	if (pid <= 0)
		return;
	if (kill_it)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
}

/* What goes before words of an error: the process, which then is to be
 * reaped. */
static void await_process(struct rt_process *p, int sock)
{
	while (p->pid <= 0) {
		struct err ignored = ERR_INIT;
		struct rt_msg m;
		int fd;

		if (boot_receive(sock, &m, &fd, &ignored) <= 0)
			return;
		if (m.kind == RT_MSG_PROCESS) {
			p->pid = m.value;
			p->pidfd = take_fd(&fd);
		}
		fd_auto(&fd);
	}
}

/* One message, whose descriptor is taken or left. */
static int handle(struct rt_process *p, const struct rt_exec_args *a, int sock,
		  const struct rt_msg *m, int *fd, struct err *e)
{
	int r;

	switch (m->kind) {
	case RT_MSG_PROCESS:
		p->pid = m->value;
		p->pidfd = take_fd(fd);
		return 0;
	case RT_MSG_CONSOLE:
		p->console_fd = take_fd(fd);
		return 0;
	case RT_MSG_EXE:
		return 0;
	case RT_MSG_SECCOMP:
		await_process(p, sock);
		return listener_tell(a->plan, m->step, *fd, p->pid, sock, e);
	default:
		r = boot_error(a->plan, m, e);
		if (m->step < RT_STEP_CLONE)
			await_process(p, sock);
		return r;
	}
}

/* Until the end of the socket: the program runs. */
static int await(struct rt_process *p, const struct rt_exec_args *a, int sock,
		 struct err *e)
{
	for (;;) {
		struct rt_msg m;
		AUTO_FD int fd = -1;
		int r = boot_receive(sock, &m, &fd, e);

		if (r == 0)
			return p->pid > 0 ? 0 :
				err_set(e, EIO, "the joining process died");
		if (r > 0)
			r = handle(p, a, sock, &m, &fd, e);
		if (r < 0)
			return r;
	}
}

static int run(struct rt_process *p, const struct rt_exec_args *a,
	       struct boot *b, struct err *e)
{
	AUTO(fd_pair) struct fd_pair s = FD_PAIR_INIT;
	AUTO_FD int plan_fd = -1;
	pid_t helper;
	int r;

	plan_fd = fd_sealed("plan", a->plan, a->plan_len, e);
	if (plan_fd < 0)
		return plan_fd;
	r = fd_socketpair(&s, SOCK_SEQPACKET, e);
	if (r < 0)
		return r;
	b->plan_fd = plan_fd;
	b->sock = s.b;
	helper = boot_clone(0, NULL, -1);
	if (helper < 0)
		return err_sys(e, "create a process");
	if (helper == 0)
		boot_child(b);
	fd_auto(&s.b);
	r = await(p, a, s.a, e);
	reap(helper, r < 0);
	return r;
}

int rt_exec(struct rt_process *out, const struct rt_exec_args *a,
	    struct err *e)
{
	struct rt_process p = RT_PROCESS_INIT;
	char path[BOOT_PATH_MAX];
	int more[2] = { a->init_pidfd, a->cgroup_fd };
	AUTO_FD int sealed = -1;
	struct boot b = {
		.head = a->plan,
		.stdio = { a->stdio[0], a->stdio[1], a->stdio[2] },
		.exe_fd = a->exe_fd,
		.name = RT_EXEC_NAME,
		.more = more,
		.more_count = a->cgroup_fd >= 0 ? 2 : 1,
	};
	int r;

	if (b.head->kind != PLAN_EXEC)
		return err_set(e, EINVAL, "not the plan of a process");
	r = boot_find_exe(&b, a->exe, path, e);
	if (r < 0)
		return r;
	if (b.exe_fd < 0 && !b.direct) {
		sealed = exe_seal(a->exe ? a->exe : "/proc/self/exe");
		if (sealed < 0)
			return err_ret(e, sealed, "make a sealed copy of our program");
		b.exe_fd = sealed;
	}
	r = run(&p, a, &b, e);
	if (r < 0) {
		reap(p.pid, true);
		fd_auto(&p.pidfd);
		fd_auto(&p.console_fd);
		return r;
	}
	*out = p;
	return 0;
}
