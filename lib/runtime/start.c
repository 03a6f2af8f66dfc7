#include "lib/runtime/start.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"
#include "lib/os/cgroup_stats.h"
#include "lib/os/userns.h"
#include "lib/runtime/boot.h"
#include "lib/runtime/exe.h"
#include "lib/runtime/fuse.h"
#include "lib/runtime/hook.h"
#include "lib/runtime/idmount.h"
#include "lib/runtime/init.h"
#include "lib/runtime/listener.h"
#include "lib/runtime/netdev.h"
#include "lib/runtime/plan.h"

void rt_clear(struct rt_container *c)
{
	struct rt_container empty = RT_CONTAINER_INIT;

	fd_auto(&c->pidfd);
	fd_auto(&c->exe_fd);
	fd_auto(&c->console_fd);
	fd_auto(&c->sync_fd);
	fd_auto(&c->tap.fd);
	fd_auto(&c->fuse_pidfd);
	*c = empty;
}

static void kill_and_reap(pid_t pid)
{
	if (pid <= 0)
		return;
	/* Our child and not reaped, so the number is still its own. */
	(void)kill(pid, SIGKILL);
	/* __WALL: a child of CLONE_PARENT sends no SIGCHLD. */
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
}

void rt_abort(struct rt_container *c)
{
	struct err ignored = ERR_INIT;
	struct userns_maps none = { .uid_map = NULL };

	kill_and_reap(c->pid);
	(void)!userns_finish(&c->maps, &none, &ignored);
	kill_and_reap(c->fuse_pid);
	rt_clear(c);
}

/* --- namespaces of others --- */

/* The process that was there when the plan was made, or none. */
static int join_process(const struct plan_head *h)
{
	struct err ignored = ERR_INIT;
	AUTO_FD int fd = -1;
	int r;

	if (!h->join.pid)
		return 0;
	fd = proc_id_open(&h->join, &ignored);
	if (fd < 0)
		return -ESRCH;
	r = boot_join(fd, h->join_flags);
	return r;
}

static int join_paths(const struct plan_head *h)
{
	for (size_t i = 0; i < SPEC_NS_COUNT; i++) {
		const struct plan_join *j = &h->joins[i];
		AUTO_FD int fd = -1;

		if (!j->flag)
			continue;
		fd = open(plan_text(h, j->path), O_RDONLY | O_CLOEXEC);
		if (fd < 0 || setns(fd, (int)j->flag) < 0)
			return -errno;
	}
	return 0;
}

static bool has_joins(const struct plan_head *h)
{
	for (size_t i = 0; i < SPEC_NS_COUNT; i++)
		if (h->joins[i].flag)
			return true;
	return h->join.pid != 0;
}

/* A child that joins and then makes the container's init as its sibling.  It
 * answers on a socket of its own: the sibling may be the faster one. */
static _Noreturn void join_and_clone(struct boot *b, int cgroup_fd, int answer)
{
	int pidfd = -1;
	pid_t pid;
	int r;

	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	r = join_process(b->head);
	if (r == 0)
		r = join_paths(b->head);
	if (r < 0) {
		(void)rt_tell(answer, RT_MSG_ERROR, RT_STEP_JOIN, -r, 0, -1);
		_exit(125);
	}
	/* A user namespace of its own must be looked at by newuidmap. */
	if (b->head->uid_map)
		(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	pid = boot_clone(b->head->clone_flags | CLONE_PARENT, &pidfd, cgroup_fd);
	if (pid == 0)
		boot_child(b);
	if (pid < 0)
		(void)rt_tell(answer, RT_MSG_ERROR, RT_STEP_FORK, errno, 0, -1);
	else
		(void)rt_tell(answer, RT_MSG_PROCESS, 0, pid, 0, pidfd);
	_exit(pid < 0);
}

static int clone_joined(struct rt_container *c, struct boot *b, int cgroup_fd,
			struct err *e)
{
	AUTO(fd_pair) struct fd_pair p = FD_PAIR_INIT;
	struct rt_msg m;
	pid_t helper;
	int fd = -1;
	int r = fd_socketpair(&p, SOCK_SEQPACKET, e);

	if (r < 0)
		return r;
	helper = boot_clone(0, NULL, -1);
	if (helper < 0)
		return err_sys(e, "create a process");
	if (helper == 0)
		join_and_clone(b, cgroup_fd, p.b);
	fd_auto(&p.b);
	r = boot_receive(p.a, &m, &fd, e);
	while (waitpid(helper, NULL, __WALL) < 0 && errno == EINTR)
		;
	if (r <= 0)
		return r < 0 ? r : err_set(e, EIO, "the container's init died");
	if (m.kind != RT_MSG_PROCESS) {
		fd_auto(&fd);
		return boot_error(b->head, &m, e);
	}
	c->pid = m.value;
	c->pidfd = fd;
	return 0;
}

static int clone_words(int code, uint64_t flags, struct err *e)
{
	int r = err_set(e, code, "create the namespaces: %s", str_errno(code));

	if ((flags & CLONE_NEWUSER) &&
	    (code == EPERM || code == ENOSPC || code == EUSERS || code == EINVAL))
		return err_hint(e, r, "userns.none");
	return r;
}

static int clone_init(struct rt_container *c, struct boot *b, int cgroup_fd,
		      struct err *e)
{
	if (has_joins(b->head))
		return clone_joined(c, b, cgroup_fd, e);
	c->pid = boot_clone(b->head->clone_flags, &c->pidfd, cgroup_fd);
	if (c->pid == 0)
		boot_child(b);
	return c->pid < 0 ? clone_words(errno, b->head->clone_flags, e) : 0;
}

/* --- the parent's side --- */

static int tell_bytes(struct rt_container *c, const void *data, size_t len,
		      struct err *e)
{
	/* The child's own words, if it died, are still to be read. */
	if (send(c->sync_fd, data, len, MSG_NOSIGNAL) < 0 && errno != EPIPE &&
	    errno != ECONNRESET)
		return err_sys(e, "tell the container's init");
	return 0;
}

static int tell(struct rt_container *c, char what, struct err *e)
{
	return tell_bytes(c, &what, 1, e);
}

static int answer_hook(struct rt_container *c, const void *plan, uint32_t step,
		       struct err *e)
{
	const struct plan_head *h = plan;
	const struct plan_step *s = plan_steps(h) + step;
	int32_t answer = c->pid;

	if (step >= h->step_count || s->op != OP_HOOK)
		return err_set(e, EPROTO, "container init: unknown message");
	if (s->flags & STEP_OUTSIDE)
		answer = hook_run(plan, s, c->pid);
	return tell_bytes(c, &answer, sizeof(answer), e);
}

static struct userns_maps maps_of(const struct plan_head *h)
{
	return (struct userns_maps){
		.uid_map = plan_text(h, h->uid_map),
		.gid_map = plan_text(h, h->gid_map),
		.newuidmap = plan_text(h, h->newuidmap),
		.newgidmap = plan_text(h, h->newgidmap),
		.deny_setgroups = h->flags & PLAN_F_DENY_SETGROUPS,
	};
}

static int write_maps(struct rt_container *c, const struct plan_head *h,
		      struct err *e)
{
	struct userns_maps m = maps_of(h);
	int r;

	if (!h->uid_map)
		return 0;
	r = userns_write_maps(c->pid, &m, e);
	return r < 0 ? r : tell(c, RT_MAPS_WRITTEN, e);
}

/* Takes what the child says.  1: ready. */
static int handle(struct rt_container *c, const struct rt_args *a,
		  const struct rt_msg *m, int fd, struct err *e)
{
	int r;

	switch (m->kind) {
	case RT_MSG_EXE:
		c->exe_fd = fd;
		return 0;
	case RT_MSG_TAP:
		c->tap.fd = fd;
		c->tap.kind = (enum tap_kind)m->value;
		return 0;
	case RT_MSG_CONSOLE:
		c->console_fd = fd;
		return 0;
	case RT_MSG_FUSE:
		r = fuse_serve(c, a->plan, m->step, fd, e);
		fd_auto(&fd);
		return r < 0 ? r : tell(c, RT_FUSE_READY, e);
	case RT_MSG_NET_DEVICES:
		r = netdev_move(a->plan, m->step, fd, c->pid, e);
		fd_auto(&fd);
		return r < 0 ? r : tell(c, RT_MOVED, e);
	case RT_MSG_HOOK:
		return answer_hook(c, a->plan, m->step, e);
	case RT_MSG_HOOK_DONE:
		return 0;
	case RT_MSG_IDMAP:
		r = idmount_serve(c, a->plan, m->step, fd);
		fd_auto(&fd);
		return tell_bytes(c, &(int32_t){ r }, sizeof(int32_t), e);
	case RT_MSG_READY:
		c->rungs |= (uint32_t)m->value;
		return 1;
	case RT_MSG_ERROR:
		return boot_error(a->plan, m, e);
	default:
		fd_auto(&fd);
		return err_set(e, EPROTO, "container init: unknown message");
	}
}

static int died(const struct rt_args *a, struct err *e)
{
	if (a->cgroup_fd >= 0 && cgroup_oom_kills(a->cgroup_fd))
		return err_set(e, ENOMEM, "memory limit: too low for the container's init");
	return err_set(e, EIO, "the container's init died");
}

static int listen_until_ready(struct rt_container *c, const struct rt_args *a,
			      struct err *e)
{
	for (;;) {
		struct rt_msg m;
		int fd;
		int r = boot_receive(c->sync_fd, &m, &fd, e);

		if (r == 0)
			return died(a, e);
		if (r > 0)
			r = handle(c, a, &m, fd, e);
		if (r)
			return r < 0 ? r : 0;
	}
}

/* The socket and the child. */
static int make_child(struct rt_container *c, struct boot *b, int cgroup_fd,
		      struct err *e)
{
	AUTO(fd_pair) struct fd_pair p = FD_PAIR_INIT;
	int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	int r = fd_socketpair(&p, SOCK_SEQPACKET, e);

	if (r < 0)
		return r;
	c->sync_fd = take_fd(&p.a);
	b->sock = p.b;
	b->peer = c->sync_fd;
	/* newuidmap looks at the child, which is what we are when it begins. */
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	r = clone_init(c, b, cgroup_fd, e);
	(void)prctl(PR_SET_DUMPABLE, dumpable == 1, 0, 0, 0);
	return r;
}

static int run(struct rt_container *c, const struct rt_args *a, struct boot *b,
	       struct err *e)
{
	int r = make_child(c, b, a->cgroup_fd, e);

	if (r == 0)
		r = write_maps(c, b->head, e);
	return r < 0 ? r : listen_until_ready(c, a, e);
}

/* --- in two halves --- */

/* Never 0 of a cgroup. */
static ino_t inode_of(int cgroup_fd)
{
	struct stat st;

	return cgroup_fd >= 0 && fstat(cgroup_fd, &st) == 0 ? st.st_ino : 0;
}

int rt_prepare(struct rt_container *out, const void *early, int cgroup_fd, struct err *e)
{
	struct rt_container c = RT_CONTAINER_INIT;
	char path[BOOT_PATH_MAX];
	struct boot b = {
		.head = early,
		.plan_fd = -1,
		.stdio = { -1, -1, -1 },
		.exe_fd = -1,
		.name = RT_INIT_NAME,
	};
	struct userns_maps m = maps_of(early);
	int r;

	if (b.head->kind != PLAN_EARLY || !b.head->uid_map)
		return err_set(e, EINVAL, "not an early plan");
	r = boot_find_exe(&b, NULL, path, e);
	if (r == 0)
		r = make_child(&c, &b, cgroup_fd, e);
	if (r == 0)
		r = userns_begin(&c.maps, c.pid, &m, e);
	if (r < 0) {
		rt_abort(&c);
		return r;
	}
	c.early = early;
	c.early_cgroup = inode_of(cgroup_fd);
	*out = c;
	return 0;
}

static bool same_text(const struct plan_head *a, uint32_t at, const struct plan_head *b,
		      uint32_t bt)
{
	return str_eq(plan_text(a, at), plan_text(b, bt));
}

/* Is what was prepared what this plan wants? */
static bool is_prepared(const struct rt_container *c, const struct rt_args *a)
{
	const struct plan_head *h = a->plan, *was = c->early;

	return was && inode_of(a->cgroup_fd) == c->early_cgroup && a->listen_fd < 0 && !a->exe &&
	       !h->preserve_fds && !has_joins(h) &&
	       h->clone_flags == was->clone_flags &&
	       same_text(h, h->uid_map, was, was->uid_map) &&
	       same_text(h, h->gid_map, was, was->gid_map) &&
	       same_text(h, h->newuidmap, was, was->newuidmap) &&
	       same_text(h, h->newgidmap, was, was->newgidmap);
}

static int run_prepared(struct rt_container *c, const struct rt_args *a, struct err *e)
{
	struct userns_maps m = maps_of(c->early);
	int r = boot_send_late(c->sync_fd, a->plan_fd, a->stdio, e);

	if (r < 0)
		return r;
	r = userns_finish(&c->maps, &m, e);
	if (r == 0)
		r = tell(c, RT_MAPS_WRITTEN, e);
	return r < 0 ? r : listen_until_ready(c, a, e);
}

/* The copy that the child would make, were it not the container's memory then. */
static int seal_exe(struct boot *b, int *sealed, const struct rt_args *a, struct err *e)
{
	if (b->exe_fd >= 0 || a->cgroup_fd < 0 || boot_goes_on(b) ||
	    !(b->head->flags & PLAN_F_SEALED_EXE))
		return 0;
	*sealed = exe_seal(a->exe ? a->exe : "/proc/self/exe");
	b->exe_fd = *sealed;
	return *sealed < 0 ? err_ret(e, *sealed, "make a sealed copy of our program") : 0;
}

static int start_anew(struct rt_container *c, const struct rt_args *a, struct err *e)
{
	char path[BOOT_PATH_MAX];
	AUTO_FD int sealed = -1;
	struct boot b = {
		.head = a->plan,
		.plan_fd = a->plan_fd,
		.stdio = { a->stdio[0], a->stdio[1], a->stdio[2] },
		.exe_fd = a->exe_fd,
		.name = RT_INIT_NAME,
		.more = &a->listen_fd,
		.more_count = a->listen_fd >= 0 ? 1 : 0,
	};
	int r = boot_find_exe(&b, a->exe, path, e);

	if (r == 0)
		r = seal_exe(&b, &sealed, a, e);
	if (r == 0)
		r = run(c, a, &b, e);
	if (r == 0 && sealed >= 0 && fd_seals(sealed) == FD_SEALED)
		c->exe_fd = take_fd(&sealed);
	return r;
}

int rt_start(struct rt_container *out, const struct rt_args *a, struct err *e)
{
	struct rt_container c = *out;
	int r;

	if (((const struct plan_head *)a->plan)->kind != PLAN_START)
		return err_set(e, EINVAL, "not the plan of a container");
	if (is_prepared(&c, a)) {
		r = run_prepared(&c, a, e);
	} else {
		rt_abort(&c);
		r = start_anew(&c, a, e);
	}
	if (r < 0) {
		rt_abort(&c);
		*out = c;
		return r;
	}
	if (c.exe_fd < 0 && a->exe_fd >= 0)
		c.exe_fd = fcntl(a->exe_fd, F_DUPFD_CLOEXEC, 3);
	c.early = NULL;
	*out = c;
	return 0;
}

int rt_go(struct rt_container *c, const struct rt_args *a, struct err *e)
{
	bool is_over = false, in_hook = false;
	struct rt_msg m;
	int r = tell(c, RT_GO, e);

	if (r < 0)
		return r;
	while (r >= 0 && !is_over) {
		AUTO_FD int fd = -1;

		r = boot_receive(c->sync_fd, &m, &fd, e);
		if (r <= 0)
			break;
		switch (m.kind) {
		case RT_MSG_HOOK:
			in_hook = true;
			r = answer_hook(c, a->plan, m.step, e);
			break;
		case RT_MSG_HOOK_DONE:
			in_hook = false;
			break;
		case RT_MSG_SECCOMP:
			r = listener_tell(a->plan, m.step, fd, c->pid, c->sync_fd, e);
			break;
		default:
			is_over = true;
		}
	}
	/* An init that waits for an answer gives up. */
	fd_auto(&c->sync_fd);
	if (r == 0 && in_hook)
		return err_set(e, ECHILD, "container init: it ended in a hook");
	return r <= 0 ? r : boot_error(a->plan, &m, e);
}

int rt_exit_status(const struct err *e)
{
	if (!str_eq(e->key, "rt.exec"))
		return 125;
	return e->code == ENOENT || e->code == ENOTDIR ? 127 : 126;
}
