#include "lib/runtime/boot.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/base/fd.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"
#include "lib/os/caps.h"
#include "lib/runtime/exe.h"
#include "lib/runtime/init.h"
#include "lib/runtime/inner.h"
#include "lib/runtime/plan.h"
#include "lib/runtime/start.h"

/* --- until Linux 5.7 is the minimum, and where a sandbox hides clone3 because
 * it cannot look into its arguments: the child goes into its cgroup itself --- */

static pid_t clone_simply(uint64_t flags, int exit_signal, int *pidfd)
{
	return (pid_t)syscall(SYS_clone, flags | (pidfd ? (uint64_t)CLONE_PIDFD : 0u) |
			      (uint64_t)exit_signal, NULL, pidfd, NULL, NULL);
}

/* A cgroup namespace shows the cgroup that it is made in. */
static int enter_cgroup(int cgroup_fd, uint64_t flags)
{
	AUTO_FD int fd = openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "0", 1) < 0)
		return -errno;
	return (flags & CLONE_NEWCGROUP) && unshare(CLONE_NEWCGROUP) < 0 ? -errno : 0;
}

/* The child says how it went before it goes on. */
static pid_t clone_to_cgroup(uint64_t flags, int exit_signal, int *pidfd, int cgroup_fd)
{
	AUTO(fd_pair) struct fd_pair p = FD_PAIR_INIT;
	struct err ignored = ERR_INIT;
	int code = 0;
	pid_t pid;

	if (fd_pipe(&p, &ignored) < 0)
		return -1;
	pid = clone_simply(flags & ~(uint64_t)CLONE_NEWCGROUP, exit_signal, pidfd);
	if (pid < 0)
		return pid;
	if (pid == 0) {
		code = -enter_cgroup(cgroup_fd, flags);
		if (write(p.b, &code, sizeof(code)) < 0 || code)
			_exit(125);
		return 0;
	}
	fd_auto(&p.b);
	if (read(p.a, &code, sizeof(code)) != sizeof(code))
		code = EIO;
	if (!code)
		return pid;
	(void)waitpid(pid, NULL, __WALL);
	if (pidfd)
		fd_auto(pidfd);
	errno = code;
	return -1;
}

pid_t boot_clone(uint64_t flags, int *pidfd, int cgroup_fd)
{
	struct clone_args args = {
		.flags = flags | (pidfd ? (uint64_t)CLONE_PIDFD : 0u),
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		.exit_signal = flags & CLONE_PARENT ? 0u : (uint64_t)SIGCHLD,
	};
	pid_t pid;

	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (unsigned)cgroup_fd;
	}
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0 && errno == ENOSYS)
		pid = cgroup_fd < 0 ?
			clone_simply(flags, (int)args.exit_signal, pidfd) :
			clone_to_cgroup(flags, (int)args.exit_signal, pidfd, cgroup_fd);
	return pid;
}

/* setns(2) takes a pidfd since Linux 5.8, and never what stands for one. */
static int join_by_name(int pidfd, uint64_t flags)
{
	static const struct {
		uint64_t flag;
		const char *name;
	} names[] = {
		{ CLONE_NEWUSER, "ns/user" }, { CLONE_NEWNS, "ns/mnt" },
		{ CLONE_NEWPID, "ns/pid" }, { CLONE_NEWNET, "ns/net" },
		{ CLONE_NEWIPC, "ns/ipc" }, { CLONE_NEWUTS, "ns/uts" },
		{ CLONE_NEWCGROUP, "ns/cgroup" }, { CLONE_NEWTIME, "ns/time" },
	};
	int fds[ARRAY_SIZE(names)];
	AUTO_FD int dir = proc_pidfd_dir(pidfd);
	int r = dir < 0 ? dir : 0;

	/* All of them are opened first: a namespace changes what may be. */
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		fds[i] = -1;
		if (r == 0 && (flags & names[i].flag)) {
			fds[i] = openat(dir, names[i].name, O_RDONLY | O_CLOEXEC);
			if (fds[i] < 0)
				r = -errno;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (r == 0 && fds[i] >= 0 && setns(fds[i], (int)names[i].flag) < 0)
			r = -errno;
		fd_auto(&fds[i]);
	}
	return r;
}

int boot_join(int pidfd, uint64_t flags)
{
	if ((flags & CLONE_NEWUSER) && setns(pidfd, CLONE_NEWUSER) < 0)
		return errno == EINVAL ? join_by_name(pidfd, flags) : -errno;
	flags &= ~(uint64_t)CLONE_NEWUSER;
	if (flags && setns(pidfd, (int)flags) < 0)
		return errno == EINVAL ? join_by_name(pidfd, flags) : -errno;
	return 0;
}

int boot_find_exe(struct boot *b, const char *exe,
		  char path[static BOOT_PATH_MAX], struct err *e)
{
	bool own = !exe;
	ssize_t n;

	b->exe = exe;
	if (own) {
		n = readlink("/proc/self/exe", path, BOOT_PATH_MAX - 1);
		if (n < 0)
			return err_sys(e, "find our own program");
		path[n] = '\0';
		b->exe = path;
		exe = "/proc/self/exe";
	}
	if (stat(exe, &b->exe_stat) < 0)
		return err_sys(e, "find '%s'", exe);
	b->direct = own && exe_is_safe(&b->exe_stat);
	return 0;
}

static _Noreturn void fail(const struct boot *b, int sock, uint32_t step, int r)
{
	(void)b;
	(void)rt_tell(sock, RT_MSG_ERROR, step, -r, 0, -1);
	_exit(125);
}

/* What the caller of our caller set must not reach the container
 * (RELIABILITY A4). */
static void reset_signals(void)
{
	/* The kernel's structure, of which zero is SIG_DFL.  The C library's
	 * call keeps two signals to itself, which its posix_spawn() ignores. */
	static const unsigned long dfl[8];
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)syscall(SYS_rt_sigaction, sig, dfl, NULL, sizeof(uint64_t));
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int move_above(int fd, int floor)
{
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, floor);

	return moved < 0 ? -errno : moved;
}

/* 0, 1, 2, the preserved ones, plan, socket, more: first out of each other's
 * way, then into place.  Everything else is close-on-exec from here on. */
static int place_fds(struct boot *b, int *sock)
{
	int first = 3 + (int)b->head->preserve_fds;
	int floor = first + 2 + (int)b->more_count;
	int from[3 + 2 + BOOT_MORE_MAX], to[3 + 2 + BOOT_MORE_MAX];
	int count = 0;

	fd_cloexec_from(3);
	for (int i = 0; i < 3; i++) {
		from[count] = b->stdio[i];
		to[count++] = i;
	}
	from[count] = b->plan_fd;
	to[count++] = first;
	from[count] = b->sock;
	to[count++] = first + 1;
	for (unsigned i = 0; i < b->more_count; i++) {
		from[count] = b->more[i];
		to[count++] = first + 2 + (int)i;
	}
	for (int i = 0; i < count; i++) {
		from[i] = from[i] < 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) :
			move_above(from[i], floor);
		if (from[i] < 0)
			return from[i] == -1 ? -errno : from[i];
	}
	if (b->exe_fd >= 0 && b->exe_fd < floor)
		b->exe_fd = move_above(b->exe_fd, floor);
	for (int i = 0; i < count; i++) {
		if (dup2(from[i], to[i]) < 0)
			return -errno;
		(void)close(from[i]);
	}
	*sock = first + 1;
	b->sock = first + 1;
	for (int fd = 3; fd < first; fd++)
		(void)fcntl(fd, F_SETFD, 0);
	return 0;
}

/* *once: a copy, which is not for others: whoever holds it open for writing
 * keeps them from executing it, though he cannot write. */
static int get_exe(struct boot *b, bool *once)
{
	int fd = -EPERM;

	if (!(b->head->flags & PLAN_F_SEALED_EXE))
		fd = exe_clone(b->exe, &b->exe_stat);
	/* Replaced by an update, no mount namespace of our own, no open_tree
	 * (until Linux 5.12 is the minimum): a copy then. */
	*once = fd < 0;
	return fd < 0 ? exe_seal("/proc/self/exe") : fd;
}

/* execveat is older than most of what we need, but sandboxes hide it. */
static _Noreturn void become(const struct boot *b, int sock, char *const *argv,
			     char *const *env)
{
	char path[32];

	(void)syscall(SYS_execveat, b->exe_fd, "", argv, env, AT_EMPTY_PATH);
	if (errno == ENOSYS || errno == EPERM) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", b->exe_fd);
		(void)execve(path, argv, env);
	}
	fail(b, sock, RT_STEP_REEXEC, -errno);
}

int boot_send_late(int sock, int plan_fd, const int stdio[3], struct err *e)
{
	struct boot_late late = { .has_stdio = 0 };
	int fds[4] = { plan_fd };
	size_t count = 1;

	for (int i = 0; i < 3; i++) {
		if (stdio[i] < 0)
			continue;
		late.has_stdio |= (uint8_t)(1u << i);
		fds[count++] = stdio[i];
	}
	return (int)fd_send(sock, &late, sizeof(late), fds, count, 0, e);
}

/* Made before there was a plan: waits for it. */
static int receive_late(struct boot *b)
{
	static struct plan_head head;
	struct err ignored = ERR_INIT;
	struct boot_late late;
	int fds[4] = { -1, -1, -1, -1 };
	size_t count = 4, next = 1;

	/* Else the parent's death would not be seen. */
	fd_auto(&b->peer);
	if (fd_recv(b->sock, &late, sizeof(late), fds, &count, 0, &ignored) !=
	    (ssize_t)sizeof(late) || !count)
		_exit(125);
	b->plan_fd = fds[0];
	for (int i = 0; i < 3; i++)
		b->stdio[i] = late.has_stdio & 1u << i && next < count ? fds[next++] : -1;
	if (pread(b->plan_fd, &head, sizeof(head), 0) != sizeof(head))
		return -EIO;
	b->head = &head;
	return 0;
}

_Noreturn void boot_child(struct boot *b)
{
	static char number[2] = "0";
	char *argv[] = { (char *)b->name, number, NULL };
	char *env[] = { NULL };
	int sock = b->sock;
	bool once = false;
	int r = b->plan_fd < 0 ? receive_late(b) : 0;

	if (r == 0)
		r = place_fds(b, &sock);
	if (r < 0)
		fail(b, sock, RT_STEP_REEXEC, r);
	reset_signals();
	if (boot_goes_on(b)) {
		/* What execve would have closed. */
		fd_close_from(3 + (int)b->head->preserve_fds + 2 + (int)b->more_count);
		inner_run(b->name, b->head->preserve_fds, true);
	}
	if (b->exe_fd < 0) {
		b->exe_fd = get_exe(b, &once);
		if (b->exe_fd < 0)
			fail(b, sock, RT_STEP_CLONE, b->exe_fd);
		r = once ? 0 : rt_tell(sock, RT_MSG_EXE, 0, 0, 0, b->exe_fd);
		if (r < 0)
			fail(b, sock, RT_STEP_CLONE, r);
	}
	/* With no id mapped, execve takes every capability but ambient ones. */
	r = caps_keep_over_exec();
	if (r < 0)
		fail(b, sock, RT_STEP_REEXEC, r);
	number[0] = (char)('0' + b->head->preserve_fds);
	become(b, sock, argv, env);
}

int boot_receive(int sock, struct rt_msg *m, int *fd, struct err *e)
{
	size_t count = 1;
	ssize_t n;

	*fd = -1;
	n = fd_recv(sock, m, sizeof(*m), fd, &count, 0, e);
	if (n <= 0)
		return (int)n;
	if (n != (ssize_t)sizeof(*m)) {
		fd_auto(fd);
		return err_set(e, EPROTO, "container init: bad message");
	}
	return 1;
}

/* What the detail of a message tells beyond the words of its step. */
static void describe(const void *plan, const struct rt_msg *m, char words[static PLAN_WORDS_MAX])
{
	const struct plan_head *h = plan;
	const struct plan_step *s = plan_steps(h) + m->step;
	size_t len;

	plan_describe(plan, m->step, words);
	if (m->step >= h->step_count)
		return;
	len = strlen(words);
	if (s->op == OP_TAP) {
		(void)snprintf(words, PLAN_WORDS_MAX, "network: %s",
			       tap_step_text((enum tap_step)m->detail));
	} else if (s->op == OP_FSMOUNT && m->detail && m->detail <= s->data_len) {
		(void)snprintf(words + len, PLAN_WORDS_MAX - len, ": option '%.64s'",
			       plan_text(plan, s->data + m->detail - 1));
		str_mask(words);
	}
}

int boot_error(const void *plan, const struct rt_msg *m, struct err *e)
{
	const struct plan_head *h = plan;
	enum plan_op op = OP_COUNT;
	char words[PLAN_WORDS_MAX];
	int code = m->value > 0 ? m->value : EIO;
	int r;

	switch (m->step) {
	case RT_STEP_CLONE:
		return err_ret(e, -code, "make a read-only form of our program");
	case RT_STEP_REEXEC:
		return err_ret(e, -code, "start the container's init");
	case RT_STEP_JOIN:
		return err_ret(e, -code, "join the container's namespaces");
	case RT_STEP_FORK:
		return err_ret(e, -code, "create the process");
	case RT_STEP_CPUS:
		return err_ret(e, -code, "set the CPU affinity");
	default:
		break;
	}
	describe(plan, m, words);
	if (m->step < h->step_count)
		op = (enum plan_op)plan_steps(h)[m->step].op;
	if (op == OP_CALL && m->detail) {
		r = err_set(e, code, "%s: exit status %u", words, m->detail);
		return err_hint(e, r, "rt.call");
	}
	r = err_ret(e, -code, "%s", words);
	return op == OP_EXEC || op == OP_LOOKUP ? err_hint(e, r, "rt.exec") : r;
}
