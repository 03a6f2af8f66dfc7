#include "lib/os/enter.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/str.h"
#include "lib/os/userns.h"

/* What the child says at its end.  Written whole, in one piece. */
struct report {
	int ret;
	int code;
	const char *key;		/* a literal of the same program */
	char text[ERR_TEXT_MAX];
};

_Static_assert(sizeof(struct report) <= 4096, "a pipe takes it in one piece");

/* Adds our own id when the map lacks it, at the first id inside that is
 * beyond all others. */
static int add_self(struct id_ranges *m, uint32_t self, struct err *e)
{
	uint32_t free_id = 0;

	if (id_to_inside(m, self) != ID_NONE)
		return 0;
	for (size_t i = 0; i < m->len; i++) {
		uint64_t end = (uint64_t)m->at[i].inside + m->at[i].count;

		if (end >= ID_NONE)
			return err_set(e, EINVAL, "the id map has no room for our own id");
		if (end > free_id)
			free_id = (uint32_t)end;
	}
	return id_add(m, free_id, self, 1, e);
}

static bool is_identity(const struct id_ranges *m)
{
	for (size_t i = 0; i < m->len; i++)
		if (m->at[i].inside != m->at[i].outside)
			return false;
	return true;
}

static bool needs_userns(const struct enter_opts *o)
{
	if (!o->map)
		return false;
	return geteuid() != 0 || !is_identity(&o->map->uids) ||
	       !is_identity(&o->map->gids);
}

static int write_maps(pid_t pid, const struct idmap *map, struct err *e)
{
	struct idmap m = *map;
	AUTO(buf) struct buf uids = BUF_INIT(KIB(16));
	AUTO(buf) struct buf gids = BUF_INIT(KIB(16));
	char newuidmap[PATH_MAX], newgidmap[PATH_MAX];
	struct userns_maps texts = { .uid_map = NULL };
	bool is_root = geteuid() == 0;
	int r;

	r = add_self(&m.uids, geteuid(), e);
	if (r == 0)
		r = add_self(&m.gids, getegid(), e);
	if (r < 0)
		return r;
	id_print(&m.uids, &uids);
	id_print(&m.gids, &gids);
	r = buf_ok(&uids, "uid map", e);
	if (r == 0)
		r = buf_ok(&gids, "gid map", e);
	if (r < 0)
		return r;
	texts.uid_map = uids.data;
	texts.gid_map = gids.data;
	if (!is_root && userns_needs_helper(&m.uids, geteuid()))
		texts.newuidmap = str_or(userns_find_helper("newuidmap", newuidmap,
							    sizeof(newuidmap)),
					 "newuidmap");
	if (!is_root && userns_needs_helper(&m.gids, getegid()))
		texts.newgidmap = str_or(userns_find_helper("newgidmap", newgidmap,
							    sizeof(newgidmap)),
					 "newgidmap");
	texts.deny_setgroups = !is_root && !texts.newgidmap;
	return userns_write_maps(pid, &texts, e);
}

/* --- the child --- */

struct start {
	const struct enter_opts *opts;
	bool userns;
	pid_t parent;
	int mapped_fd;		/* end of file: the maps are written */
	int ready_fd;		/* closed: the namespace is there */
	int result_fd;
};

static int become_root(const struct idmap *map, struct err *e)
{
	/* An id that the map lacks is no loss: all capabilities are here. */
	if (id_to_outside(&map->gids, 0) != ID_NONE && setresgid(0, 0, 0) < 0)
		return err_sys(e, "become group 0 of the namespace");
	if (id_to_outside(&map->uids, 0) != ID_NONE && setresuid(0, 0, 0) < 0)
		return err_sys(e, "become user 0 of the namespace");
	return 0;
}

static int child_enter(struct start *s, struct err *e)
{
	int flags = (s->userns ? CLONE_NEWUSER : 0) |
		    (s->opts->mount_ns ? CLONE_NEWNS : 0);
	ssize_t n;
	char c;
	int r;

	if (flags && unshare(flags) < 0)
		return err_hint(e, err_sys(e, "make a user namespace"), "userns.none");
	fd_auto(&s->ready_fd);
	do
		n = read(s->mapped_fd, &c, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		return err_set(e, ECANCELED, "the id maps were not written");
	if (s->userns) {
		r = become_root(s->opts->map, e);
		if (r < 0)
			return r;
	}
	if (s->opts->mount_ns &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(e, "make mounts private");
	/* only now: a change of ids takes it back */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_sys(e, "prctl");
	if (getppid() != s->parent)
		return err_set(e, ECANCELED, "the parent is gone");
	return 0;
}

static NORETURN void child_main(struct start *s, enter_fn *fn, void *arg)
{
	struct err e = ERR_INIT;
	struct report rep = { .ret = 0 };
	struct err ignored = ERR_INIT;
	int r = child_enter(s, &e);

	if (r == 0)
		r = fn(arg, &e);
	rep.ret = r;
	rep.code = e.code;
	rep.key = e.key;
	memcpy(rep.text, e.text, sizeof(rep.text));
	(void)!fs_write_all(s->result_fd, &rep, sizeof(rep), &ignored);
	/* not exit(): what the parent registered is the parent's */
	_exit(0);
}

/* --- the parent --- */

/* The child has its namespace when it closes its end, alive or not. */
static void wait_ready(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

int enter_start(struct enter_child *out, const struct enter_opts *o,
		enter_fn *fn, void *arg, struct err *e)
{
	AUTO(fd_pair) struct fd_pair ready = FD_PAIR_INIT;
	AUTO(fd_pair) struct fd_pair mapped = FD_PAIR_INIT;
	AUTO(fd_pair) struct fd_pair result = FD_PAIR_INIT;
	AUTO(enter_child) struct enter_child c = ENTER_CHILD_INIT;
	struct start s = { .opts = o, .userns = needs_userns(o), .parent = getpid() };
	int r = fd_pipe(&ready, e);

	if (r == 0)
		r = fd_pipe(&mapped, e);
	if (r == 0)
		r = fd_pipe(&result, e);
	if (r < 0)
		return r;
	c.pid = fork();
	if (c.pid < 0)
		return err_sys(e, "fork");
	if (c.pid == 0) {
		fd_auto(&ready.a);
		fd_auto(&mapped.b);
		fd_auto(&result.a);
		s.ready_fd = ready.b;
		s.mapped_fd = mapped.a;
		s.result_fd = result.b;
		child_main(&s, fn, arg);
	}
	fd_auto(&ready.b);
	fd_auto(&mapped.a);
	fd_auto(&result.b);
	c.result_fd = take_fd(&result.a);
	wait_ready(ready.a);
	if (s.userns) {
		struct pollfd p = { .fd = c.result_fd, .events = POLLIN };

		/* It reports already: it has no namespace, and says why. */
		if (poll(&p, 1, 0) == 1)
			return enter_finish(&c, e);
		r = write_maps(c.pid, o->map, e);
		if (r < 0)
			return r;
	}
	r = fs_write_all(mapped.b, "", 1, e);
	if (r < 0)
		return err_ctx(e, r, "start a worker");
	*out = c;
	c = (struct enter_child)ENTER_CHILD_INIT;
	return 0;
}

int enter_finish(struct enter_child *c, struct err *e)
{
	struct report rep;
	size_t got = 0;
	int status = 0;
	pid_t p;

	while (got < sizeof(rep)) {
		ssize_t n = read(c->result_fd, (char *)&rep + got, sizeof(rep) - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	fd_auto(&c->result_fd);
	do
		p = waitpid(c->pid, &status, 0);
	while (p < 0 && errno == EINTR);
	c->pid = -1;
	if (got < sizeof(rep)) {
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
			return err_set(e, ENOMEM, "a worker was killed");
		return err_set(e, EIO, "a worker ended by %s %d",
			       WIFSIGNALED(status) ? "signal" : "status",
			       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	}
	if (rep.ret >= 0)
		return rep.ret;
	rep.text[sizeof(rep.text) - 1] = '\0';
	err_set(e, rep.code ? rep.code : -rep.ret, "%s", rep.text);
	return rep.key ? err_hint(e, rep.ret, rep.key) : rep.ret;
}

void enter_child_auto(struct enter_child *c)
{
	int saved = errno;

	if (c->pid > 0) {
		(void)kill(c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	c->pid = -1;
	fd_auto(&c->result_fd);
	errno = saved;
}

int enter_run(const struct enter_opts *o, enter_fn *fn, void *arg,
	      struct err *e)
{
	AUTO(enter_child) struct enter_child c = ENTER_CHILD_INIT;
	int r = enter_start(&c, o, fn, arg, e);

	return r < 0 ? r : enter_finish(&c, e);
}

struct rmtree {
	int dirfd;
	const char *name;
};

static int do_rmtree(void *arg, struct err *e)
{
	const struct rmtree *w = arg;

	return fs_rmtree(w->dirfd, w->name, e);
}

int enter_rmtree(const struct enter_opts *o, int dirfd, const char *name,
		 struct err *e)
{
	struct rmtree w = { dirfd, name };

	return enter_run(o, do_rmtree, &w, e);
}
