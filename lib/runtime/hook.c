#include "lib/runtime/hook.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/base/fd.h"
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
	if (dup2(input, 0) < 0)
		_exit(127);
	fd_close_from(3);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	execve(plan_text(plan, s->s1), argv, envp);
	_exit(127);
}

/* It fits a pipe. */
static int send_state(const char *plan, const struct plan_step *s, int fd, pid_t pid)
{
	const char *state = plan_text(plan, s->s2);
	const char *rest = state + strlen(state) + 1;
	char number[16];
	int len = snprintf(number, sizeof(number), "%d", pid);

	if (write(fd, state, strlen(state)) < 0 || write(fd, number, (size_t)len) < 0 ||
	    write(fd, rest, strlen(rest)) < 0)
		return -errno;
	return 0;
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
		(void)kill(pid, SIGKILL);
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
	AUTO(fd_pair) struct fd_pair p = FD_PAIR_INIT;
	struct err e = ERR_INIT;
	pid_t child;
	int r = fd_pipe(&p, &e);

	if (r == 0)
		r = fd_set_nonblock(p.b, true, &e);
	if (r == 0)
		r = send_state(plan, s, p.b, pid);
	if (r < 0)
		return r;
	fd_auto(&p.b);
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0)
		become_hook(plan, s, p.a);
	return await(child, s->a);
}
