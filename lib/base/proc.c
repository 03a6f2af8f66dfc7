#include "lib/base/proc.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"

#define MAX_FDS 32

static void must(int r)
{
	/* The attribute functions fail for lack of memory only. */
	if (r == ENOMEM)
		free(mem_zero(SIZE_MAX, 1));
}

/* Descriptors are first moved above every target, so that no dup2 of the map
 * overwrites a source that is still needed. */
static int add_fds(posix_spawn_file_actions_t *fa, const struct proc_spec *s,
		   int moved[MAX_FDS], struct err *e)
{
	bool given[3] = { false };
	int top = 3;

	if (s->fd_count > MAX_FDS)
		return err_set(e, EINVAL, "too many descriptors for a program");
	for (size_t i = 0; i < s->fd_count; i++)
		if (s->fds[i].to >= top)
			top = s->fds[i].to + 1;
	for (size_t i = 0; i < s->fd_count; i++) {
		moved[i] = fcntl(s->fds[i].from, F_DUPFD_CLOEXEC, top);
		if (moved[i] < 0)
			return err_sys(e, "duplicate descriptor %d",
				       s->fds[i].from);
		if (s->fds[i].to < 3)
			given[s->fds[i].to] = true;
		must(posix_spawn_file_actions_adddup2(fa, moved[i],
						      s->fds[i].to));
	}
	for (int fd = 0; fd < 3; fd++)
		if (!given[fd])
			must(posix_spawn_file_actions_addopen(fa, fd,
							      "/dev/null",
							      O_RDWR, 0));
	return 0;
}

static void add_attrs(posix_spawnattr_t *at, bool new_session)
{
	sigset_t none, all;
	short flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;

	sigemptyset(&none);
	sigfillset(&all);
	must(posix_spawnattr_setsigmask(at, &none));
	must(posix_spawnattr_setsigdefault(at, &all));
	if (new_session)
		flags |= POSIX_SPAWN_SETSID;
	must(posix_spawnattr_setflags(at, flags));
}

int proc_spawn(struct proc *out, const struct proc_spec *spec, struct err *e)
{
	char by_fd[32];
	int moved[MAX_FDS];
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	const char *path = spec->path;
	char *const *env = spec->env ? spec->env : environ;
	pid_t pid = -1;
	int r;

	for (size_t i = 0; i < MAX_FDS; i++)
		moved[i] = -1;
	if (spec->exec_fd) {
		snprintf(by_fd, sizeof(by_fd), "/proc/self/fd/%d", spec->exec_fd);
		path = by_fd;
	}
	must(posix_spawn_file_actions_init(&fa));
	must(posix_spawnattr_init(&at));
	add_attrs(&at, spec->new_session);
	r = add_fds(&fa, spec, moved, e);
	if (r == 0) {
		/* glibc's spawn marks nothing close-on-exec by itself; we do
		 * it here, once, for what the caller of our program left. */
		fd_cloexec_from(3);
		r = (spec->search ? posix_spawnp : posix_spawn)(&pid, path, &fa,
								&at, spec->argv,
								env);
		if (r)
			r = err_set(e, r, "run '%s': %s", spec->argv[0],
				    str_errno(r));
	}
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&at);
	for (size_t i = 0; i < MAX_FDS; i++)
		fd_auto(&moved[i]);
	if (r < 0)
		return r;
	out->pid = pid;
	/* It is our child and not reaped, so the number is still its own. */
	out->pidfd = proc_pidfd_open(pid);
	return 0;
}

int proc_wait(struct proc *p, int *status, struct err *e)
{
	pid_t r;

	do
		r = waitpid(p->pid, status, 0);
	while (r < 0 && errno == EINTR);
	fd_auto(&p->pidfd);
	p->pid = -1;
	return r < 0 ? err_sys(e, "wait for a process") : 0;
}

void proc_auto(struct proc *p)
{
	struct err ignored = ERR_INIT;
	int status;

	if (p->pid > 0) {
		(void)kill(p->pid, SIGKILL);
		(void)!proc_wait(p, &status, &ignored);
	}
	fd_auto(&p->pidfd);
}

int proc_exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Copies input to the program and its output to b, whichever can move. */
static int converse(int *in, int *out, const char *input, struct buf *b,
		    struct err *e)
{
	size_t left = input ? strlen(input) : 0;

	while (*in >= 0 || *out >= 0) {
		struct pollfd p[2] = {
			{ .fd = *in, .events = POLLOUT },
			{ .fd = *out, .events = POLLIN },
		};

		if (!left)
			fd_auto(in);
		p[0].fd = *in;
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return err_sys(e, "poll");
		if (p[0].revents) {
			ssize_t n = write(*in, input, left);

			if (n < 0) {
				fd_auto(in);	/* it does not want more */
			} else {
				input += n;
				left -= (size_t)n;
			}
		}
		if (p[1].revents) {
			char chunk[4096];
			ssize_t n = read(*out, chunk, sizeof(chunk));

			if (n <= 0)
				fd_auto(out);
			else if (buf_add(b, chunk, (size_t)n) < 0)
				return err_set(e, EFBIG, "more than %zu bytes of output",
					       b->max);
		}
	}
	return 0;
}

int proc_run(const struct proc_spec *spec, const char *input, struct buf *b,
	     struct err *e)
{
	AUTO(fd_pair) struct fd_pair in = FD_PAIR_INIT;
	AUTO(fd_pair) struct fd_pair out = FD_PAIR_INIT;
	AUTO(proc) struct proc p = PROC_INIT;
	struct proc_fd map[MAX_FDS];
	struct proc_spec s = *spec;
	int status = 0;
	int r;

	if (s.fd_count + 2 > MAX_FDS)
		return err_set(e, EINVAL, "too many descriptors for a program");
	for (size_t i = 0; i < s.fd_count; i++)
		map[i] = s.fds[i];
	s.fds = map;
	if (input) {
		r = fd_pipe(&in, e);
		if (r < 0)
			return r;
		map[s.fd_count++] = (struct proc_fd){ in.a, STDIN_FILENO };
	}
	if (b) {
		r = fd_pipe(&out, e);
		if (r < 0)
			return r;
		map[s.fd_count++] = (struct proc_fd){ out.b, STDOUT_FILENO };
	}
	r = proc_spawn(&p, &s, e);
	if (r < 0)
		return r;
	fd_auto(&in.a);
	fd_auto(&out.b);
	r = converse(&in.b, &out.a, input, b, e);
	if (r < 0)
		return err_ctx(e, r, "%s", spec->argv[0]);
	r = proc_wait(&p, &status, e);
	if (r < 0)
		return r;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return err_set(e, ENOMEM, "%s: was killed", spec->argv[0]);
	if (status)
		return err_set(e, EIO, "%s: exit status %d", spec->argv[0],
			       proc_exit_code(status));
	return 0;
}

/* Field 22 of /proc/PID/stat; field 3 is the state.  The command in field 2
 * may hold anything, so fields are counted from the last ')'. */
static int read_stat(pid_t pid, char *state, uint64_t *start, struct err *e)
{
	char path[32], text[1024];
	char *p, *save = NULL;
	ssize_t len;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	r = fs_read_small(AT_FDCWD, path, text, sizeof(text), &len, e);
	if (r < 0) {
		err_clear(e);
		return err_set(e, ESRCH, "no process %d", (int)pid);
	}
	p = strrchr(text, ')');
	if (!p || strlen(p) < 3)
		return err_set(e, EIO, "bad '%s'", path);
	*state = p[2];
	p = strtok_r(p + 2, " ", &save);
	for (int field = 3; p && field < 22; field++)
		p = strtok_r(NULL, " ", &save);
	if (!p)
		return err_set(e, EIO, "bad '%s'", path);
	return num_u64(p, 0, UINT64_MAX, start, e);
}

int proc_start_time(pid_t pid, uint64_t *start, struct err *e)
{
	char state;

	return read_stat(pid, &state, start, e);
}

int proc_id_of(struct proc_id *out, pid_t pid, struct err *e)
{
	int r = proc_start_time(pid, &out->start, e);

	if (r < 0)
		return r;
	out->pid = pid;
	return clock_boot_id(out->boot, e);
}

int proc_id_open(const struct proc_id *id, struct err *e)
{
	char boot[BOOT_ID_LEN + 1];
	AUTO_FD int fd = -1;
	uint64_t start;
	char state;
	int r;

	if (id->pid <= 0)
		return err_set(e, ESRCH, "no process");
	r = clock_boot_id(boot, e);
	if (r < 0)
		return r;
	fd = proc_pidfd_open(id->pid);
	if (fd < 0 || !str_eq(boot, id->boot))
		return err_set(e, ESRCH, "process %d is gone", (int)id->pid);
	/* The pidfd is held: what is read now is about that process. */
	r = read_stat(id->pid, &state, &start, e);
	if (r < 0)
		return r;
	if (start != id->start || state == 'Z' || state == 'X')
		return err_set(e, ESRCH, "process %d is gone", (int)id->pid);
	return take_fd(&fd);
}

bool proc_id_is_alive(const struct proc_id *id)
{
	struct err ignored = ERR_INIT;
	AUTO_FD int fd = proc_id_open(id, &ignored);

	return fd >= 0;
}

int proc_signal(int *out, const char *text, struct err *e)
{
	const char *name = strncasecmp(text, "sig", 3) == 0 ? text + 3 : text;
	struct err ignored = ERR_INIT;
	uint64_t n;

	if (num_u64(text, 1, (uint64_t)SIGRTMAX, &n, &ignored) == 0) {
		*out = (int)n;
		return 0;
	}
	for (int sig = 1; sig < SIGRTMIN; sig++) {
		const char *abbrev = sigabbrev_np(sig);

		if (abbrev && strcasecmp(abbrev, name) == 0) {
			*out = sig;
			return 0;
		}
	}
	if (strncasecmp(name, "rtmin+", 6) == 0 &&
	    num_u64(name + 6, 0, (uint64_t)(SIGRTMAX - SIGRTMIN), &n, &ignored) == 0) {
		*out = SIGRTMIN + (int)n;
		return 0;
	}
	return err_set(e, EINVAL, "'%s' is not a signal", text);
}

/* --- handles on processes --- */

static bool is_proc_dir(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

static int open_proc_dir(pid_t pid)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return fd;
}

int proc_pidfd_open(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	/* until Linux 5.3 is the minimum; sandboxes hide it */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return open_proc_dir(pid);
	return fd < 0 ? -errno : fd;
}

/* The number behind "Pid:" of a pidfd, behind nothing of a directory's stat. */
static int pid_of(int pidfd, pid_t *pid)
{
	struct err ignored = ERR_INIT;
	bool is_dir = is_proc_dir(pidfd);
	char path[48], text[512];
	const char *at = text;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	if (fs_read_small(is_dir ? pidfd : AT_FDCWD, is_dir ? "stat" : path, text,
			  sizeof(text), &len, &ignored) < 0)
		return -ESRCH;
	if (!is_dir)
		at = strstr(text, "\nPid:");
	at = at ? at + (is_dir ? 0 : strcspn(at, "0123456789-")) : "";
	*pid = 0;
	while (*at >= '0' && *at <= '9')
		*pid = *pid * 10 + *at++ - '0';
	return *pid > 0 ? 0 : -ESRCH;
}

int proc_pidfd_kill(int pidfd, int sig)
{
	pid_t pid;
	int r;

	if (syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) == 0)
		return 0;
	/* until Linux 5.1 is the minimum; sandboxes hide it */
	if (errno != ENOSYS && errno != EPERM)
		return -errno;
	r = pid_of(pidfd, &pid);
	if (r < 0)
		return r;
	return kill(pid, sig) < 0 ? -errno : 0;
}

static bool has_ended(int dir)
{
	struct err ignored = ERR_INIT;
	char text[512];
	const char *state;
	ssize_t len;

	if (fs_read_small(dir, "stat", text, sizeof(text), &len, &ignored) < 0)
		return true;
	state = strrchr(text, ')');
	return state && state[1] && (state[2] == 'Z' || state[2] == 'X');
}

int proc_pidfd_wait(int pidfd, int timeout_ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	uint64_t end;
	int n;

	if (!is_proc_dir(pidfd)) {
		do
			n = poll(&p, 1, timeout_ms);
		while (n < 0 && errno == EINTR);
		return n < 0 ? -errno : n;
	}
	end = clock_mono_ns() + (timeout_ms < 0 ? 0u : (unsigned)timeout_ms) * NS_PER_MS;
	while (!has_ended(pidfd)) {
		if (timeout_ms >= 0 && clock_mono_ns() >= end)
			return 0;
		(void)poll(NULL, 0, 5);
	}
	return 1;
}

int proc_pidfd_poll(int pidfd)
{
	return is_proc_dir(pidfd) ? -1 : pidfd;
}

int proc_pidfd_dir(int pidfd)
{
	AUTO_FD int fd = -1;
	pid_t pid;
	int r;

	if (is_proc_dir(pidfd)) {
		fd = fcntl(pidfd, F_DUPFD_CLOEXEC, 3);
		return fd < 0 ? -errno : take_fd(&fd);
	}
	r = pid_of(pidfd, &pid);
	fd = r < 0 ? r : open_proc_dir(pid);
	if (fd < 0)
		return fd;
	/* Still its number, and so its directory. */
	r = proc_pidfd_kill(pidfd, 0);
	return r == -ESRCH ? r : take_fd(&fd);
}
