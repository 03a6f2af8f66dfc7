/* The last step: the container's own program, its pid 1, and hooks. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/base/fd.h"
#include "lib/base/limits.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"
#include "lib/runtime/hook.h"
#include "lib/runtime/init.h"
#include "lib/runtime/start.h"

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
	return NULL;
}

/* The file in the next directory of *path, which moves on; false: no more. */
static bool next_in_path(char full[static MAX_PATH], const char *file, const char **path)
{
	size_t name = strlen(file);

	while (*path) {
		const char *dir = *path;
		size_t len = strcspn(dir, ":");

		*path = dir[len] ? dir + len + 1 : NULL;
		if (len + 1 + name >= MAX_PATH)
			continue;
		memcpy(full, len ? dir : ".", len ? len : 1);
		len = len ? len : 1;
		full[len] = '/';
		memcpy(full + len + 1, file, name + 1);
		return true;
	}
	return false;
}

#define USUAL_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* As shells do it: what is not executable is remembered while the search goes
 * on, so that EACCES (126) is told apart from ENOENT (127). */
int init_exec_search(const char *file, char **argv, char **envp)
{
	const char *path = str_or(path_of(envp), USUAL_PATH);
	char full[MAX_PATH];
	int result = ENOENT;

	if (!*file)
		return -ENOENT;
	if (strchr(file, '/')) {
		execve(file, argv, envp);
		return -errno;
	}
	while (next_in_path(full, file, &path)) {
		execve(full, argv, envp);
		if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
			return -errno;
		/* ENOENT of a file that is there is its interpreter's. */
		if (errno == EACCES)
			result = EACCES;
	}
	return -result;
}

static int can_run(const char *path)
{
	struct stat st;

	if (access(path, X_OK) < 0 || stat(path, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? 0 : -EACCES;
}

/* Would the search find it?  A path that depends on the working directory is
 * left to execve. */
int init_lookup(struct init *in, const struct plan_step *s)
{
	const char *file = init_text(in, s->s1);
	const char *path = str_or(init_text(in, s->s2), USUAL_PATH);
	char full[MAX_PATH];
	int result = ENOENT;

	if (strchr(file, '/'))
		return *file == '/' ? can_run(file) : 0;
	while (*file && next_in_path(full, file, &path)) {
		int r = can_run(full);

		if (r == 0)
			return 0;
		if (r == -EACCES)
			result = EACCES;
	}
	return -result;
}

_Noreturn void init_reap(pid_t child)
{
	sigset_t all;

	sigfillset(&all);
	for (;;) {
		siginfo_t info;
		int status;
		pid_t pid;

		if (sigwaitinfo(&all, &info) < 0)
			continue;
		if (info.si_signo != SIGCHLD) {
			(void)kill(child, info.si_signo);
			continue;
		}
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			if (pid == child)
				_exit(proc_exit_code(status));
	}
}

/* Returns in the child, which is to become the command. */
static int split_off(bool terminal)
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
		init_reap(child);
	}
	if (setpgid(0, 0) < 0)
		return -errno;
	if (terminal)
		(void)tcsetpgrp(0, getpid());
	return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? -errno : 0;
}

int rt_alone(char **argv)
{
	int r = split_off(isatty(0));

	return r < 0 ? r : init_exec_search(argv[0], argv, environ);
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
		r = split_off(in->head->flags & PLAN_F_TERMINAL);
		if (r < 0)
			return r;
	}
	init_vectors(in, s, &argv, &envp);
	return init_exec_search(init_text(in, s->s1), argv, envp);
}

/* --- hooks --- */

/* Our pid as those outside know it, which only they can tell; and they run the
 * hooks of their namespaces. */
int init_hook(struct init *in, const struct plan_step *s)
{
	int32_t answer = 0;
	int r = rt_tell(in->sock, RT_MSG_HOOK, in->step, 0, 0, -1);

	if (r < 0)
		return r;
	if (read(in->sock, &answer, sizeof(answer)) != sizeof(answer))
		return -EPIPE;
	if (s->flags & STEP_OUTSIDE)
		return answer;
	r = answer > 0 ? hook_run(in->plan, s, answer) : -EPIPE;
	return r < 0 ? r : rt_tell(in->sock, RT_MSG_HOOK_DONE, in->step, 0, 0, -1);
}
