#include "shim/execs.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/base/fd.h"
#include "lib/base/proc.h"
#include "lib/runtime/exec.h"
#include "lib/runtime/plan.h"
#include "lib/runtime/start.h"
#include "shim/planmap.h"

#define EXIT_TOOL_ERROR 125

void execs_init(struct execs *x, struct loop *loop, int init_pidfd, int cgroup_fd,
		int exe_fd)
{
	*x = (struct execs){
		.loop = loop,
		.init_pidfd = init_pidfd,
		.cgroup_fd = cgroup_fd,
		.exe_fd = exe_fd,
	};
	for (size_t i = 0; i < MAX_SHIM_EXECS; i++) {
		x->slot[i].loop = loop;
		x->slot[i].kept.fd = -1;
		x->slot[i].pidfd = -1;
	}
}

static struct exec *find(struct execs *x, uint32_t id)
{
	for (size_t i = 0; i < MAX_SHIM_EXECS; i++)
		if (x->slot[i].id == id)
			return &x->slot[i];
	return NULL;
}

static void stop_keeping(struct exec *ex)
{
	int fd = ex->kept.fd;

	loop_remove(ex->loop, &ex->kept);
	fd_auto(&fd);
}

static void release(struct exec *ex)
{
	struct loop *loop = ex->loop;

	stop_keeping(ex);
	fd_auto(&ex->pidfd);
	*ex = (struct exec){ .loop = loop, .kept = { .fd = -1 }, .pidfd = -1 };
}

static int join(struct execs *x, struct rt_process *out, const struct shim_msg *m,
		const int *fds, size_t count, struct err *e)
{
	AUTO(plan_map) struct plan_map map = PLAN_MAP_INIT;
	struct rt_exec_args a = RT_EXEC_ARGS_INIT;
	struct winsize w = {
		.ws_row = (uint16_t)(m->value >> 16),
		.ws_col = (uint16_t)m->value,
	};
	bool tty = m->flags & SHIM_EXEC_TTY;
	int r;

	if (count != (tty ? 1 : 4))
		return err_set(e, EPROTO, "exec: %zu descriptors", count);
	r = plan_map(&map, fds[0], e);
	if (r < 0)
		return r;
	a.plan = map.data;
	a.plan_len = map.len;
	a.init_pidfd = x->init_pidfd;
	a.cgroup_fd = x->cgroup_fd;
	a.exe_fd = x->exe_fd;
	for (int i = 0; i < 3 && !tty; i++)
		a.stdio[i] = fds[i + 1];
	r = rt_exec(out, &a, e);
	if (r == 0 && out->console_fd >= 0 && w.ws_row && w.ws_col)
		(void)ioctl(out->console_fd, TIOCSWINSZ, &w);
	return r;
}

void execs_start(struct execs *x, struct server_client *c, const struct shim_msg *m,
		 const int *fds, size_t count)
{
	struct rt_process p = RT_PROCESS_INIT;
	struct exec *ex = find(x, 0);
	struct err e = ERR_INIT;
	struct shim_msg reply;
	int r;

	if (!ex)
		r = err_set(&e, EUSERS, "more than %d processes were joined to the container",
			    MAX_SHIM_EXECS);
	else
		r = join(x, &p, m, fds, count, &e);
	if (r < 0) {
		server_error(c, 0, ex ? rt_exit_status(&e) : EXIT_TOOL_ERROR, &e);
		return;
	}
	if (!++x->last_id)
		x->last_id = 1;
	ex->id = x->last_id;
	ex->pid = p.pid;
	ex->pidfd = p.pidfd;
	ex->client = c;
	reply = shim_msg_make(SHIM_EXEC_STARTED, p.pid);
	reply.id = ex->id;
	(void)server_reply(c, reply, NULL, &p.console_fd, p.console_fd >= 0 ? 1 : 0);
	fd_auto(&p.console_fd);
}

void execs_kill(struct execs *x, struct server_client *c, const struct shim_msg *m)
{
	struct exec *ex = m->id ? find(x, m->id) : NULL;
	struct err e = ERR_INIT;
	int r = ex ? proc_pidfd_kill(ex->pidfd, (int)m->value) : -ESRCH;

	if (r < 0) {
		(void)err_ret(&e, r, "signal the process");
		server_error(c, m->id, EXIT_TOOL_ERROR, &e);
	} else {
		server_ok(c, 0);
	}
}

static void on_kept(struct loop_source *s, uint32_t events)
{
	static char forgotten[4096];
	struct exec *ex = (struct exec *)s;
	ssize_t n = read(s->fd, forgotten, sizeof(forgotten));

	(void)events;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		stop_keeping(ex);
}

void execs_keep(struct execs *x, const struct shim_msg *m, int *fds, size_t count)
{
	struct exec *ex = m->id ? find(x, m->id) : NULL;
	struct err lost = ERR_INIT;

	if (!ex || count != 1 || ex->kept.fd >= 0 || ex->ended ||
	    fd_set_nonblock(fds[0], true, &lost) < 0)
		return;
	if (loop_add(x->loop, &ex->kept, fds[0], EPOLLIN, on_kept, &lost) == 0)
		(void)take_fd(&fds[0]);
}

bool execs_ended(struct execs *x, pid_t pid, int code)
{
	for (size_t i = 0; i < MAX_SHIM_EXECS; i++) {
		struct exec *ex = &x->slot[i];

		if (!ex->id || ex->ended || ex->pid != pid)
			continue;
		ex->ended = true;
		ex->code = code;
		fd_auto(&ex->pidfd);
		if (ex->client)
			server_flush(ex->client);
		else
			release(ex);
		return true;
	}
	return false;
}

bool execs_flush(struct execs *x, struct server_client *c)
{
	for (size_t i = 0; i < MAX_SHIM_EXECS; i++) {
		struct exec *ex = &x->slot[i];
		struct shim_msg m = shim_msg_make(SHIM_EXIT, ex->code);

		if (!ex->id || ex->client != c || !ex->ended)
			continue;
		m.id = ex->id;
		if (!server_try(c, &m))
			return false;
		release(ex);
	}
	return true;
}

void execs_gone(struct execs *x, const struct server_client *c)
{
	for (size_t i = 0; i < MAX_SHIM_EXECS; i++) {
		if (!x->slot[i].id || x->slot[i].client != c)
			continue;
		x->slot[i].client = NULL;
		if (x->slot[i].ended)
			release(&x->slot[i]);
	}
}

void execs_clear(struct execs *x)
{
	for (size_t i = 0; i < MAX_SHIM_EXECS; i++)
		release(&x->slot[i]);
}
