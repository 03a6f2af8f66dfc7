/* A container that one process creates and another one starts. */
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/runtime/hook.h"
#include "lib/runtime/init.h"
#include "lib/runtime/plan.h"
#include "lib/runtime/start.h"

/* However long the directory's own path is. */
static struct sockaddr_un address(int dirfd, const char *name)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	(void)snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/%s", dirfd, name);
	return sa;
}

int rt_listen(int dirfd, const char *name, struct err *e)
{
	AUTO_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa = address(dirfd, name);

	if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 4) < 0)
		return err_sys(e, "listen on '%s'", name);
	return take_fd(&fd);
}

bool rt_is_waiting(int dirfd, const char *name)
{
	AUTO_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un sa = address(dirfd, name);

	/* A queue that is full is one, too. */
	return fd >= 0 && (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0 || errno == EAGAIN);
}

int rt_let_go(struct rt_container *c, struct err *e)
{
	char what = RT_LET_GO;

	if (send(c->sync_fd, &what, 1, MSG_NOSIGNAL) < 0)
		return err_sys(e, "tell the container's init");
	fd_auto(&c->sync_fd);
	return 0;
}

int rt_connect(struct rt_container *c, pid_t pid, int dirfd, const char *name, struct err *e)
{
	AUTO_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa = address(dirfd, name);

	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return err_sys(e, "reach the container's init");
	c->pid = pid;
	c->sync_fd = take_fd(&fd);
	return 0;
}

int rt_run_hooks(const void *plan, enum spec_hook_point point, pid_t pid,
		 rt_hook_failed *failed, void *arg, struct err *e)
{
	const struct plan_head *h = plan;
	const struct plan_step *s = plan_steps(h);

	for (uint32_t i = 0; i < h->step_count; i++) {
		struct err why = ERR_INIT;
		char words[PLAN_WORDS_MAX];
		int r;

		if (s[i].op != OP_HOOK || s[i].b != point)
			continue;
		r = hook_run(plan, &s[i], pid);
		if (r == 0)
			continue;
		plan_describe(plan, i, words);
		r = err_ret(&why, r, "%s", words);
		if (!failed)
			return err_move(e, &why);
		failed(why.text, arg);
	}
	return 0;
}
