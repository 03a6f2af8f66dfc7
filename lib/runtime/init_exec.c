/* The last step: the container's own program, its pid 1, and hooks. */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/runtime/init.h"

void init_vectors(struct init *in, const struct plan_step *s, char ***argv,
		  char ***envp)
{
	struct plan_vectors *v = (struct plan_vectors *)(in->plan + s->data);
	char **places = (char **)v->places;

	/* Once: afterwards they are pointers, which lie above any offset. */
	for (size_t i = 0; i < (size_t)v->argc + v->envc + 2; i++)
		if (v->places[i] && v->places[i] < in->head->size)
			places[i] = in->plan + v->places[i];
	*argv = places;
	*envp = places + v->argc + 1;
}

static const char *path_of(char **envp)
{
	for (; *envp; envp++)
		if (str_starts(*envp, "PATH="))
			return *envp + strlen("PATH=");
	return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* As shells do it: what is not executable is remembered while the search goes
 * on, so that EACCES (126) is told apart from ENOENT (127). */
int init_exec_search(const char *file, char **argv, char **envp)
{
	char full[MAX_PATH];
	const char *dir = path_of(envp);
	int result = ENOENT;

	if (!*file)
		return -ENOENT;
	if (strchr(file, '/')) {
		execve(file, argv, envp);
		return -errno;
	}
	for (;;) {
		size_t len = strcspn(dir, ":");
		size_t name = strlen(file);
		struct stat st;

		if (len + 1 + name < sizeof(full)) {
			memcpy(full, len ? dir : ".", len ? len : 1);
			len = len ? len : 1;
			full[len] = '/';
			memcpy(full + len + 1, file, name + 1);
			execve(full, argv, envp);
			if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
				return -errno;
			/* ENOENT of a file that is there: its interpreter. */
			if (errno == EACCES || stat(full, &st) == 0)
				result = errno == EACCES ? EACCES : ENOENT;
		}
		dir += strcspn(dir, ":");
		if (!*dir++)
			return -result;
	}
}

static int main_exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* pid 1 with --init: reaps whatever becomes its child, hands signals on, and
 * ends as the command does. */
static _Noreturn void reap(pid_t child, const sigset_t *all)
{
	for (;;) {
		siginfo_t info;
		int status;
		pid_t pid;

		if (sigwaitinfo(all, &info) < 0)
			continue;
		if (info.si_signo != SIGCHLD) {
			(void)kill(child, info.si_signo);
			continue;
		}
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			if (pid == child)
				_exit(main_exit_code(status));
	}
}

/* Returns in the child, which is to become the command. */
static int split_off(struct init *in)
{
	sigset_t all, none;
	pid_t child;

	sigfillset(&all);
	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &all, NULL) < 0)
		return -errno;
	child = fork();
	if (child < 0)
		return -errno;
	if (child > 0) {
		fd_close_from(3);
		(void)prctl(PR_SET_NAME, RT_INIT_NAME, 0, 0, 0);
		reap(child, &all);
	}
	if (setpgid(0, 0) < 0)
		return -errno;
	if (in->head->flags & PLAN_F_TERMINAL)
		(void)tcsetpgrp(0, getpid());
	return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? -errno : 0;
}

int init_exec(struct init *in, const struct plan_step *s)
{
	char **argv, **envp;
	int r;

	/* Only the socket is left, and that is close-on-exec. */
	if (in->sock != in->first_fd) {
		if (dup3(in->sock, in->first_fd, O_CLOEXEC) < 0)
			return -errno;
		in->sock = in->first_fd;
	}
	fd_close_from(in->first_fd + 1);
	if (in->head->flags & PLAN_F_INIT) {
		r = split_off(in);
		if (r < 0)
			return r;
	}
	init_vectors(in, s, &argv, &envp);
	return init_exec_search(init_text(in, s->s1), argv, envp);
}

/* --- hooks --- */

static _Noreturn void run_hook(struct init *in, const struct plan_step *s,
			       int input)
{
	char **argv, **envp;

	if (dup2(input, 0) < 0)
		_exit(127);
	fd_close_from(3);
	init_vectors(in, s, &argv, &envp);
	execve(init_text(in, s->s1), argv, envp);
	_exit(127);
}

static size_t print_pid(char out[static 12], int32_t pid)
{
	char digits[12];
	size_t n = 0, len = 0;

	do
		digits[n++] = (char)('0' + pid % 10);
	while (pid /= 10);
	while (n)
		out[len++] = digits[--n];
	return len;
}

/* The state goes to the hook's standard input, with our pid as those outside
 * know it, which only they can tell.  It fits a pipe. */
static int send_state(struct init *in, const struct plan_step *s, int fd)
{
	const char *state = init_text(in, s->s2);
	const char *rest = state + strlen(state) + 1;
	char number[12];
	int32_t pid = 0;
	int r = rt_tell(in->sock, RT_MSG_HOOK, in->step, 0, 0, -1);
	size_t len;

	if (r < 0)
		return r;
	if (read(in->sock, &pid, sizeof(pid)) != sizeof(pid) || pid <= 0)
		return -EPIPE;
	len = print_pid(number, pid);
	if (write(fd, state, strlen(state)) < 0 || write(fd, number, len) < 0 ||
	    write(fd, rest, strlen(rest)) < 0)
		return -errno;
	return 0;
}

int init_hook(struct init *in, const struct plan_step *s)
{
	AUTO(fd_pair) struct fd_pair p = FD_PAIR_INIT;
	AUTO_FD int pidfd = -1;
	struct err e = ERR_INIT;
	struct pollfd done;
	int status = 0;
	int r = fd_pipe(&p, &e);
	pid_t pid;

	if (r == 0)
		r = fd_set_nonblock(p.b, true, &e);
	if (r == 0)
		r = send_state(in, s, p.b);
	if (r < 0)
		return r;
	fd_auto(&p.b);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		run_hook(in, s, p.a);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	done.fd = pidfd;
	done.events = POLLIN;
	if (s->a && poll(&done, 1, (int)(s->a * 1000)) == 0) {
		(void)kill(pid, SIGKILL);
		r = -ETIMEDOUT;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r == 0 && (!WIFEXITED(status) || WEXITSTATUS(status)))
		r = -ECANCELED;
	return r;
}
