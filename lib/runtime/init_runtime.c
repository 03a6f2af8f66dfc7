/* Calls of another runtime, and the process that one of them leaves to us. */
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/num.h"
#include "lib/base/proc.h"
#include "lib/os/caps.h"
#include "lib/runtime/init.h"
#include "lib/runtime/plan.h"

/* Relative: a socket's path must be short, and that of the directory is not. */
static int listen_for_console(void)
{
	static const struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = PLAN_CONSOLE };
	AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, 1) < 0)
		return -errno;
	return take_fd(&fd);
}

/* The runtime has ended and so has sent what it wanted to send. */
static int take_console(struct init *in, int listener)
{
	AUTO_FD int sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	AUTO_FD int master = -1;
	struct err ignored = ERR_INIT;
	size_t count = 1;
	char name[256];
	ssize_t n;

	if (sock < 0)
		return errno == EAGAIN ? -EPROTO : -errno;
	n = fd_recv(sock, name, sizeof(name), &master, &count, 0, &ignored);
	if (n < 0)
		return (int)n;
	return count == 1 ? rt_tell(in->sock, RT_MSG_CONSOLE, in->step, 0, 0, master) : -EPROTO;
}

static int read_pid(pid_t *out)
{
	struct err ignored = ERR_INIT;
	uint64_t pid = 0;
	char text[24];
	ssize_t len;
	int r = fs_read_small(AT_FDCWD, PLAN_PID, text, sizeof(text), &len, &ignored);

	text[r == 0 ? strcspn(text, "\n") : 0] = '\0';
	if (r == 0)
		r = num_u64(text, 2, INT32_MAX, &pid, &ignored);
	*out = (pid_t)pid;
	return r;
}

/* As the root of its user namespace, with nothing of ours. */
static _Noreturn void become_runtime(struct init *in, const struct plan_step *s)
{
	uint64_t effective, permitted, inheritable;
	char **argv, **envp;
	sigset_t none;

	sigemptyset(&none);
	fd_close_from(3);
	init_vectors(in, s, &argv, &envp);
	if (sigprocmask(SIG_SETMASK, &none, NULL) == 0 &&
	    caps_get(&effective, &permitted, &inheritable) == 0 &&
	    caps_set(permitted, permitted, 0) == 0)
		(void)execve(init_text(in, s->s1), argv, envp);
	_exit(127);
}

static int run(struct init *in, const struct plan_step *s)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return -errno;
	if (child == 0)
		become_runtime(in, s);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	in->detail = (uint32_t)proc_exit_code(status);
	return in->detail ? -ECANCELED : 0;
}

int init_call(struct init *in, const struct plan_step *s)
{
	AUTO_FD int listener = -1;
	sigset_t all;
	int r;

	/* From here on they wait for init_reap(); and what the runtime leaves
	 * behind becomes our child. */
	sigfillset(&all);
	if (sigprocmask(SIG_SETMASK, &all, NULL) < 0 ||
	    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 || chdir(init_text(in, s->s2)) < 0)
		return -errno;
	if (s->flags & STEP_TERMINAL) {
		listener = listen_for_console();
		if (listener < 0)
			return listener;
	}
	r = run(in, s);
	if (r == 0 && (s->flags & STEP_MAKES))
		r = read_pid(&in->followed);
	if (r == 0 && (s->flags & STEP_TERMINAL))
		r = take_console(in, listener);
	return r;
}

int init_follow(struct init *in, const struct plan_step *s)
{
	bool is_exec = in->head->kind == PLAN_EXEC;
	siginfo_t info;

	(void)s;
	if (waitid(P_PID, (id_t)in->followed, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	    chdir("/") < 0)
		return -errno;
	/* The end of our socket says that it runs. */
	fd_close_from(3);
	(void)prctl(PR_SET_NAME, is_exec ? RT_EXEC_NAME : RT_INIT_NAME, 0, 0, 0);
	init_reap(in->followed);
}
