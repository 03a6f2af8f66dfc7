#include "lib/runtime/hook.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"

static _Noreturn void become_hook(const char *plan, const struct plan_step *s, int input)
{
	const struct plan_vectors *v = (const struct plan_vectors *)(plan + s->data);
	size_t places = (size_t)v->argc + v->envc + 2;
	char **argv = mem_zero(places, sizeof(*argv));
	char **envp = argv + v->argc + 1;
	sigset_t none;

	for (size_t i = 0; i < places; i++)
		argv[i] = v->places[i] ? (char *)plan + v->places[i] : NULL;
	/* Who runs as the user may see what the user's programs see. */
	if ((s->flags & STEP_OUTSIDE) && !v->envc)
		envp = environ;
	(void)setpgid(0, 0);
	if (dup2(input, 0) < 0)
		_exit(127);
	fd_close_from(3);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	execve(plan_text(plan, s->s1), argv, envp);
	_exit(127);
}

static int write_text(int fd, const char *text, size_t len)
{
	struct err e = ERR_INIT;

	return fs_write_all(fd, text, len, &e);
}

/* In memory rather than through a pipe: nobody has to feed it, and a hook need
 * not read. */
static int make_state(const char *plan, const struct plan_step *s, pid_t pid)
{
	const char *state = plan_text(plan, s->s2);
	const char *rest = state + strlen(state) + 1;
	AUTO_FD int fd = fd_memory("state", false);
	char number[16];
	int len = snprintf(number, sizeof(number), "%d", pid);
	int r = fd < 0 ? fd : write_text(fd, state, strlen(state));

	if (r == 0)
		r = write_text(fd, number, (size_t)len);
	if (r == 0)
		r = write_text(fd, rest, strlen(rest));
	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	return r < 0 ? r : take_fd(&fd);
}

static bool ends_within(pid_t pid, int timeout_ms)
{
	AUTO_FD int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd done = { .fd = pidfd, .events = POLLIN };
	siginfo_t info = { .si_pid = 0 };

	if (pidfd >= 0)
		return poll(&done, 1, timeout_ms) != 0;
	/* until Linux 5.3 is the minimum; sandboxes hide it */
	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       !info.si_pid && timeout_ms > 0) {
		(void)poll(NULL, 0, 5);
		timeout_ms -= 5;
	}
	return info.si_pid != 0;
}

static int await(pid_t pid, uint64_t timeout_s)
{
	int timeout_ms = timeout_s < INT32_MAX / 1000 ? (int)timeout_s * 1000 : INT32_MAX;
	int status = 0;
	int r = 0;

	if (timeout_s && !ends_within(pid, timeout_ms)) {
		/* With all that it has started. */
		(void)kill(-pid, SIGKILL);
		r = -ETIMEDOUT;
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r == 0 && (!WIFEXITED(status) || WEXITSTATUS(status)))
		r = -ECANCELED;
	return r;
}

int hook_run(const void *plan, const struct plan_step *s, pid_t pid)
{
	AUTO_FD int state = make_state(plan, s, pid);
	pid_t child;

	if (state < 0)
		return state;
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0)
		become_hook(plan, s, state);
	/* Whichever of us is the first. */
	(void)setpgid(child, child);
	return await(child, s->a);
}
