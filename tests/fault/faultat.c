/* faultat - one system call of a tree of processes is the last one, or fails.
 *
 *	faultat [-r] [-p PROCESS:N] [-a|-e ERRNO] [-t SECONDS] LOG COMMAND [ARG...]
 *
 * Every system call of COMMAND, and of what it starts, that changes something
 * beyond the memory of its process is counted; with -r instead every one that
 * reads, or gets a descriptor.  PROCESS is a place in the
 * tree, the same in every run: 0 is COMMAND, 0.2 the second that it started.
 * N counts the calls of that process, from 1.
 *
 * Without -p each call gets a line in LOG, in the order of time:
 *
 *	PROCESS N PROGRAM CALL WHAT
 *
 * With -p, SIGKILL ends PROCESS in place of its Nth call, or with -a all of
 * the tree at once; with -e the call is not made and fails with the error of
 * that number.  LOG has that one line, or is empty when it did not come to the
 * call.  The others go on, and are not looked at any more.
 *
 * Programs that a tracer would rob of their privilege (newuidmap and its kin)
 * are left alone from their execve on.
 *
 * It ends when COMMAND has and nothing moves any more; with its status, 128 +
 * the signal's number, or 124 after SECONDS (60).
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_PROCESSES 256
#define PLACE_MAX 64
#define TEXT_MAX 200
#define IDLE_MS 300
#define STATUS_TIMEOUT 124

struct process {
	pid_t pid;			/* 0: a free slot */
	char place[PLACE_MAX];		/* "" until its parent has told */
	unsigned children;
	unsigned calls;
	bool is_stopped;		/* waits for its place */
};

static struct process processes[MAX_PROCESSES];
static FILE *out;
static const char *victim;		/* place, or NULL */
static unsigned victim_call;
static bool whole_tree;
static bool reads;			/* and not changes */
static int error;			/* of the call; 0: it kills */
static bool is_counting;		/* COMMAND has begun */
static bool is_over;			/* it has happened */

static void die(const char *what)
{
	perror(what);
	exit(125);
}

/* --- which calls count --- */

enum how { PLAIN, PATH, FD, FLAGS, HOW };

/* arg: which one is the path or descriptor; flags: which one decides with
 * FLAGS (of open) and HOW (of openat2). */
struct call {
	long nr;			/* -1: the end */
	const char *name;
	enum how how;
	unsigned arg, flags;
};

#define CALL(name, how, arg, flags) { SYS_##name, #name, how, arg, flags }
#define N(name) CALL(name, PLAIN, 0, 0)
#define P(name, arg) CALL(name, PATH, arg, 0)
#define F(name, arg) CALL(name, FD, arg, 0)

static const struct call change_calls[] = {
	CALL(openat, FLAGS, 1, 2), CALL(openat2, HOW, 1, 2),
	F(write, 0), F(writev, 0), F(pwrite64, 0), F(pwritev, 0), F(pwritev2, 0),
	F(sendfile, 0), F(copy_file_range, 2), F(splice, 2),
	F(ftruncate, 0), P(truncate, 0), F(fallocate, 0),
	F(fsync, 0), F(fdatasync, 0), F(syncfs, 0), F(sync_file_range, 0),
	P(renameat, 3), P(renameat2, 3), P(linkat, 3), P(symlinkat, 2), P(unlinkat, 1),
	P(mkdirat, 1), P(mknodat, 1), F(fchmod, 0), P(fchmodat, 1), F(fchown, 0),
	P(fchownat, 1), P(utimensat, 1), P(setxattr, 0), P(lsetxattr, 0), F(fsetxattr, 0),
	P(removexattr, 0), P(lremovexattr, 0), F(fremovexattr, 0),
	P(mount, 1), P(umount2, 0), P(pivot_root, 0), P(chroot, 0), P(fsopen, 0),
	F(fsconfig, 0), F(fsmount, 0), P(open_tree, 1), P(move_mount, 3), P(mount_setattr, 1),
	N(unshare), N(setns), P(sethostname, 0),
	N(clone), N(clone3), P(execve, 0), P(execveat, 1),
	F(bind, 0), F(connect, 0), F(listen, 0), F(sendto, 0), F(sendmsg, 0), F(sendmmsg, 0),
	N(kill), N(pidfd_send_signal), N(exit_group),
#ifdef SYS_open
	CALL(open, FLAGS, 0, 1), P(creat, 0), P(rename, 1), P(link, 1), P(symlink, 1),
	P(unlink, 0), P(rmdir, 0), P(mkdir, 0), P(mknod, 0), P(chmod, 0), P(chown, 0),
	P(lchown, 0), N(fork), N(vfork),
#endif
	{ .nr = -1 },
};

static const struct call read_calls[] = {
	CALL(openat, FLAGS, 1, 2), CALL(openat2, HOW, 1, 2),
	F(read, 0), F(readv, 0), F(pread64, 0), F(preadv, 0), F(getdents64, 0),
	F(fstat, 0), P(newfstatat, 1), P(statx, 1), F(fstatfs, 0), P(statfs, 0),
	P(readlinkat, 1), P(faccessat, 1), P(faccessat2, 1), F(recvfrom, 0), F(recvmsg, 0),
	N(pipe2), N(socket), N(socketpair), P(memfd_create, 0), F(flock, 0), F(accept4, 0),
	N(epoll_create1), N(eventfd2), N(signalfd4), N(timerfd_create), N(pidfd_open),
#ifdef SYS_open
	CALL(open, FLAGS, 0, 1), P(stat, 0), P(lstat, 0), P(readlink, 0), P(access, 0),
#endif
	{ .nr = -1 },
};

#undef CALL
#undef N
#undef P
#undef F

/* Reads what it can; the end is always a NUL. */
static void peek(pid_t pid, uint64_t at, void *to, size_t size)
{
	/* A part is read or not; a text may end before a page that is not there. */
	size_t page = 4096 - (size_t)(at & 4095), here = page < size - 1 ? page : size - 1;
	const struct iovec local = { to, size - 1 }, remote[2] = {
		{ (void *)(uintptr_t)at, here },
		{ (void *)(uintptr_t)(at + here), size - 1 - here },
	};

	memset(to, 0, size);
	(void)!process_vm_readv(pid, &local, 1, remote, 2, 0);
}

/* Is it of the other kind? */
static bool is_other(const struct call *c, pid_t pid, const uint64_t *args)
{
	const uint64_t makes = O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY);
	char bytes[sizeof(struct open_how) + 1];
	struct open_how how;

	if (c->how == FLAGS)
		return !(args[c->flags] & makes) != reads;
	if (c->how != HOW)
		return false;
	peek(pid, args[c->flags], bytes, sizeof(bytes));
	memcpy(&how, bytes, sizeof(how));
	return !(how.flags & makes) != reads;
}

static const struct call *find_call(pid_t pid, const struct __ptrace_syscall_info *i)
{
	for (const struct call *c = reads ? read_calls : change_calls; c->nr >= 0; c++)
		if (c->nr == (long)i->entry.nr)
			return is_other(c, pid, i->entry.args) ? NULL : c;
	return NULL;
}

static void describe(char text[static TEXT_MAX], const struct call *c, pid_t pid,
		     const uint64_t *args)
{
	char link[64];
	ssize_t n;

	text[0] = '\0';
	if (c->how == FD) {
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)pid, (int)args[c->arg]);
		n = readlink(link, text, TEXT_MAX - 1);
		text[n < 0 ? 0 : n] = '\0';
	} else if (c->how != PLAIN) {
		peek(pid, args[c->arg], text, TEXT_MAX);
	}
	for (char *p = text; *p; p++)
		if (*p <= ' ' || *p > '~')
			*p = '?';
}

static void note(const struct process *p, const struct call *c, const uint64_t *args)
{
	char path[64], program[32] = "?", text[TEXT_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", (int)p->pid);
	f = fopen(path, "re");
	if (f && fgets(program, sizeof(program), f))
		program[strcspn(program, "\n")] = '\0';
	if (f)
		(void)fclose(f);
	describe(text, c, p->pid, args);
	fprintf(out, "%s %u %s %s %s\n", p->place, p->calls, program, c->name, text);
}

/* --- the tree --- */

static struct process *process_of(pid_t pid)
{
	struct process *empty = NULL;

	for (size_t i = 0; i < MAX_PROCESSES; i++) {
		if (processes[i].pid == pid)
			return &processes[i];
		if (!processes[i].pid && !empty)
			empty = &processes[i];
	}
	if (!empty) {
		errno = EMFILE;
		die("too many processes");
	}
	*empty = (struct process){ .pid = pid };
	return empty;
}

static bool is_anybody_left(void)
{
	for (size_t i = 0; i < MAX_PROCESSES; i++)
		if (processes[i].pid)
			return true;
	return false;
}

/* Lets it run, to its next call or for good.  It may be dead already. */
static void go_on(struct process *p, int sig)
{
	if (is_over)
		(void)ptrace(PTRACE_DETACH, p->pid, NULL, (void *)(intptr_t)sig);
	else
		(void)ptrace(PTRACE_SYSCALL, p->pid, NULL, (void *)(intptr_t)sig);
	if (is_over)
		p->pid = 0;
}

static void kill_victim(const struct process *p)
{
	is_over = true;
	for (size_t i = 0; i < MAX_PROCESSES; i++)
		if (processes[i].pid && (whole_tree || &processes[i] == p))
			(void)kill(processes[i].pid, SIGKILL);
}

/* Without a number it is no call, and its result stays.  A filter of the process
 * sees no call either, and may have an error of its own for that. */
static void fail_call(pid_t pid)
{
	struct user_regs_struct regs;
	struct iovec all = { &regs, sizeof(regs) };

	is_over = true;
	if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &all) < 0)
		return;
#if defined(__x86_64__)
	regs.orig_rax = (unsigned long long)-1;
	regs.rax = (unsigned long long)-error;
#elif defined(__aarch64__)
	int none = -1;
	struct iovec number = { &none, sizeof(none) };

	(void)ptrace(PTRACE_SETREGSET, pid, (void *)NT_ARM_SYSTEM_CALL, &number);
	regs.regs[0] = (unsigned long long)-error;
#else
#error "how a call is left out here is not known"
#endif
	(void)ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &all);
}

/* Does it start a program that has rights by its file?  A tracer takes them away. */
static bool is_privileged(pid_t pid, const struct __ptrace_syscall_info *i)
{
	static const char *const names[] = { "newuidmap", "newgidmap", "fusermount3" };
	char path[TEXT_MAX];
	const char *slash;

	if (i->entry.nr != SYS_execve)
		return false;
	peek(pid, i->entry.args[0], path, sizeof(path));
	slash = strrchr(path, '/');
	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
		if (!strcmp(slash ? slash + 1 : path, names[n]))
			return true;
	return false;
}

/* Counts it.  Is it the one? */
static bool is_it(struct process *p, const struct __ptrace_syscall_info *i)
{
	const struct call *c = find_call(p->pid, i);
	bool it;

	if (!c)
		return false;
	p->calls++;
	it = victim && !strcmp(victim, p->place) && victim_call == p->calls;
	if (it || !victim)
		note(p, c, i->entry.args);
	return it;
}

static void on_call(struct process *p)
{
	struct __ptrace_syscall_info i;

	if (is_counting && !is_over &&
	    ptrace(PTRACE_GET_SYSCALL_INFO, p->pid, (void *)sizeof(i), &i) > 0 &&
	    i.op == PTRACE_SYSCALL_INFO_ENTRY) {
		bool it = is_it(p, &i);

		if (it && !error) {
			kill_victim(p);
			return;
		}
		if (it)
			fail_call(p->pid);
		if (is_privileged(p->pid, &i)) {
			(void)ptrace(PTRACE_DETACH, p->pid, NULL, NULL);
			p->pid = 0;
			return;
		}
	}
	go_on(p, 0);
}

/* Who was started learns its place before it may do anything. */
static void on_child(struct process *p)
{
	unsigned long pid = 0;
	struct process *child;

	if (ptrace(PTRACE_GETEVENTMSG, p->pid, NULL, &pid) == 0 && pid) {
		child = process_of((pid_t)pid);
		if (snprintf(child->place, sizeof(child->place), "%.50s.%u", p->place,
			     ++p->children) >= PLACE_MAX - 8) {
			errno = ENAMETOOLONG;
			die("too deep a tree");
		}
		if (child->is_stopped)
			go_on(child, 0);
	}
	go_on(p, 0);
}

static void on_stop(struct process *p, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;

	if (sig == (SIGTRAP | 0x80)) {
		on_call(p);
	} else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
		   event == PTRACE_EVENT_CLONE) {
		on_child(p);
	} else if (event == PTRACE_EVENT_STOP && !p->place[0]) {
		p->is_stopped = true;
	} else if (event == PTRACE_EVENT_STOP && sig != SIGTRAP && !is_over) {
		(void)ptrace(PTRACE_LISTEN, p->pid, NULL, NULL);
	} else {
		is_counting |= event == PTRACE_EVENT_EXEC;
		go_on(p, event ? 0 : sig);
	}
}

/* --- the whole --- */

static uint64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Handles all that is to be told.  The status of COMMAND once it has ended. */
static int take_news(pid_t command)
{
	int status, ended = -1;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		struct process *p = process_of(pid);

		if (WIFSTOPPED(status)) {
			on_stop(p, status);
			continue;
		}
		p->pid = 0;
		if (pid == command)
			ended = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	}
	return ended;
}

static int follow(pid_t command, uint64_t seconds)
{
	uint64_t until = now_ms() + seconds * 1000, idle = UINT64_MAX;
	const struct timespec tick = { .tv_nsec = 20000000 };
	int status = -1;
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	for (;;) {
		int ended = take_news(command);

		if (ended >= 0)
			status = ended;
		if (status >= 0 && (is_over || !is_anybody_left() || now_ms() > idle))
			return status;
		if (now_ms() > until)
			return STATUS_TIMEOUT;
		if (sigtimedwait(&child, NULL, &tick) >= 0 || idle == UINT64_MAX)
			idle = status >= 0 ? now_ms() + IDLE_MS : UINT64_MAX;
	}
}

static pid_t start(char **argv)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			     PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
	sigset_t child, before;
	int status;
	pid_t pid;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &child, &before);
	pid = fork();
	if (pid == 0) {
		(void)sigprocmask(SIG_SETMASK, &before, NULL);
		(void)raise(SIGSTOP);
		(void)execvp(argv[0], argv);
		die(argv[0]);
	}
	if (pid < 0 || waitpid(pid, &status, WUNTRACED) != pid)
		die("start the command");
	(void)snprintf(process_of(pid)->place, PLACE_MAX, "0");
	if (ptrace(PTRACE_SEIZE, pid, NULL, (void *)options) < 0)
		die("trace the command");
	(void)kill(pid, SIGCONT);
	return pid;
}

int main(int argc, char **argv)
{
	unsigned long seconds = 60;
	char *colon;
	int c;

	while ((c = getopt(argc, argv, "+rp:ae:t:")) != -1) {
		switch (c) {
		case 'r':
			reads = true;
			break;
		case 'p':
			colon = strchr(optarg, ':');
			victim_call = colon ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
			if (colon)
				*colon = '\0';
			victim = optarg;
			break;
		case 'a':
			whole_tree = true;
			break;
		case 'e':
			error = (int)strtoul(optarg, NULL, 10);
			break;
		case 't':
			seconds = strtoul(optarg, NULL, 10);
			break;
		default:
			return 125;
		}
	}
	if (argc - optind < 2) {
		fprintf(stderr, "usage: faultat [-r] [-p PROCESS:N] [-a|-e ERRNO] LOG COMMAND...\n");
		return 125;
	}
	out = fopen(argv[optind], "we");
	if (!out)
		die(argv[optind]);
	c = follow(start(argv + optind + 1), seconds);
	return fclose(out) == 0 ? c : 125;
}
