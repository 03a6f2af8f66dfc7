#include "shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"
#include "lib/os/cgroup.h"
#include "lib/runtime/plan.h"
#include "shim/planmap.h"

/* --- the start message --- */

static int take_fds(struct shim *s, int *fds, size_t count, int got[SHIM_FDS],
		    struct err *e)
{
	size_t next = 0;

	for (int i = 0; i < SHIM_FDS; i++) {
		if (!(s->cfg.fds & 1u << i))
			continue;
		if (next == count)
			return err_set(e, EPROTO, "start message: a descriptor is missing");
		got[i] = take_fd(&fds[next++]);
	}
	return next == count ? 0 : err_set(e, EPROTO, "start message: too many descriptors");
}

static int take_network(struct shim *s, struct err *e)
{
	struct net_config c;

	if (!s->cfg.net_len)
		return 0;
	if (s->cfg.net_len < sizeof(c))
		return err_set(e, EPROTO, "network configuration: cut short");
	memcpy(&c, s->cfg.net, sizeof(c));
	if (c.version != NET_VERSION || c.size != s->cfg.net_len ||
	    c.port_count > MAX_PORTS ||
	    sizeof(c) + c.port_count * sizeof(struct net_port) != c.size)
		return err_set(e, EPROTO, "network configuration: damaged");
	memcpy(s->net_config, s->cfg.net, s->cfg.net_len);
	return 0;
}

/* A plan that came before the start message, perhaps with a cgroup: what it
 * asks for is begun, and should that fail, the start itself will say why. */
static void prepare(struct shim *s, size_t len)
{
	struct err later = ERR_INIT;

	memcpy(s->early, s->message, len);
	if (plan_check(s->early, len, &later) == 0)
		(void)!rt_prepare(&s->box, s->early, s->early_cgroup_fd, &later);
}

void shim_give_up(struct shim *s)
{
	AUTO(cgroup_tree) struct cgroup_tree tree = { .fd = -1 };
	struct err lost = ERR_INIT;

	rt_abort(&s->box);
	/* Whoever made it may be gone. */
	if (s->early_cgroup_fd >= 0 && cgroup_tree_open(&tree, &lost) == 0)
		(void)!cgroup_remove_open(&tree, s->early_cgroup_fd, &lost);
	fd_auto(&s->early_cgroup_fd);
}

static bool is_plan(const struct shim *s, ssize_t len)
{
	uint32_t magic;

	if (len < (ssize_t)sizeof(magic))
		return false;
	memcpy(&magic, s->message, sizeof(magic));
	return magic == PLAN_MAGIC;
}

int shim_receive(struct shim *s, int sock, struct err *e)
{
	int fds[SHIM_FDS] = { -1, -1, -1, -1 };
	int got[SHIM_FDS] = { -1, -1, -1, -1 };
	size_t count = SHIM_FDS;
	ssize_t n;
	int r;

	s->plan_fd = s->cgroup_fd = s->early_cgroup_fd = s->init_pidfd = -1;
	s->box = (struct rt_container)RT_CONTAINER_INIT;
	netkeep_init(&s->net);
	n = fd_recv(sock, s->message, sizeof(s->message), fds, &count, 0, e);
	if (is_plan(s, n) && count <= 1) {
		s->early_cgroup_fd = take_fd(&fds[0]);
		prepare(s, (size_t)n);
		count = SHIM_FDS;
		n = fd_recv(sock, s->message, sizeof(s->message), fds, &count, 0, e);
	}
	if (n < 0)
		return (int)n;
	r = shim_start_parse(&s->cfg, s->message, (size_t)n, e);
	if (r == 0)
		r = take_network(s, e);
	if (r == 0)
		r = take_fds(s, fds, count, got, e);
	if (r < 0)
		return r;
	s->plan_fd = got[SHIM_FD_PLAN];
	s->cgroup_fd = got[SHIM_FD_CGROUP];
	/* Once more by name, because what was sent may be a mere O_PATH. */
	fds[0] = openat(got[SHIM_FD_RUN], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fds[0] < 0)
		return err_sys(e, "open the run directory");
	fd_auto(&got[SHIM_FD_RUN]);
	return report_init(&s->report, fds[0], got[SHIM_FD_DATA], s->cfg.fallback, e);
}

/* --- the parts --- */

static int become_supervisor(struct err *e)
{
	sigset_t all;

	sigfillset(&all);
	if (sigprocmask(SIG_BLOCK, &all, NULL) < 0)
		return err_sys(e, "block signals");
	(void)setsid();		/* fails when we lead a session already */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return err_sys(e, "become a subreaper");
	return chdir("/") < 0 ? err_sys(e, "change to '/'") : 0;
}

static int open_log(struct shim *s, struct err *e)
{
	s->log.fd = -1;
	if (s->cfg.log == SHIM_LOG_NONE)
		return 0;
	return log_open(&s->log, s->report.data_fd, s->cfg.log_size, s->cfg.log_files, e);
}

/* The box is created and its program waits: what must be there before it
 * runs. */
static int prepare_run(struct shim *s, struct err *e)
{
	struct net_config *c = (struct net_config *)(void *)s->net_config;
	int r = 0;

	if (s->box.console_fd >= 0)
		r = stdio_terminal(&s->io, take_fd(&s->box.console_fd), s->cfg.rows,
				   s->cfg.cols, e);
	if (r == 0 && s->box.tap.fd >= 0 && s->cfg.net_len && *s->cfg.net_path) {
		c->link = s->box.tap.kind;
		r = netkeep_start(&s->net, &s->loop, s->cfg.net_path, c,
				  take_fd(&s->box.tap.fd), s->box.pidfd, e);
	}
	if (r == 0)
		r = server_listen(&s->server, s->report.run_fd, e);
	if (r == 0)
		r = stdio_run(&s->io, e);
	return r;
}

void shim_note_network(struct shim *s)
{
	struct err lost = ERR_INIT;
	pid_t pid = s->net.helper.net.pid;

	if (pid <= 0 || proc_id_of(&s->report.page.net, pid, &lost) < 0)
		s->report.page.net.pid = 0;
}

/* Before the program can run: whoever kills us from here on leaves an orphan
 * that others find. */
static int publish(struct shim *s, struct err *e)
{
	int r = report_running(&s->report, s->box.pid, e);

	shim_note_network(s);
	return r < 0 ? r : report_page(&s->report, e);
}

static int start_box(struct shim *s, int child[3], struct err *e)
{
	AUTO(plan_map) struct plan_map map = PLAN_MAP_INIT;
	struct rt_args a = RT_ARGS_INIT;
	int r = plan_map(&map, s->plan_fd, e);

	if (r < 0)
		return r;
	a.plan_fd = s->plan_fd;
	a.plan = map.data;
	a.plan_len = map.len;
	memcpy(a.stdio, child, sizeof(a.stdio));
	a.cgroup_fd = s->cgroup_fd;
	r = rt_start(&s->box, &a, e);
	if (r < 0)
		return r;
	for (int i = 0; i < 3; i++)
		fd_auto(&child[i]);
	r = prepare_run(s, e);
	if (r == 0)
		r = publish(s, e);
	if (r == 0)
		r = rt_go(&s->box, &a, e);
	s->init_pidfd = s->box.pidfd;
	return r;
}

static int start(struct shim *s, struct err *e)
{
	int child[3] = { -1, -1, -1 };
	bool tty = s->cfg.flags & SHIM_START_TTY;
	bool with_stdin = s->cfg.flags & SHIM_START_STDIN;
	int r = 0;

	(void)unlinkat(s->report.data_fd, SHIM_EXIT_NAME, 0);
	s->report.page.flags = (tty ? SHIM_F_TTY : 0) | (with_stdin ? SHIM_F_STDIN : 0);
	s->report.durable = !(s->cfg.flags & SHIM_START_REMOVE);
	(void)str_copy(s->report.page.cgroup, sizeof(s->report.page.cgroup), s->cfg.cgroup);
	if (!tty)
		r = stdio_fifos(&s->io, s->report.run_fd, with_stdin, child, e);
	if (r == 0)
		r = start_box(s, child, e);
	for (int i = 0; i < 3; i++)
		fd_auto(&child[i]);
	fd_auto(&s->plan_fd);
	return r;
}

/* Until it is closed, nobody else adopts the container. */
static int lock_out_others(const struct shim *s, struct err *e)
{
	AUTO_FD int fd = openat(s->report.run_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	do
		r = fd < 0 ? -1 : flock(fd, LOCK_EX);
	while (r < 0 && errno == EINTR);
	return r < 0 ? err_sys(e, "lock the container's directory") : take_fd(&fd);
}

/* A container whose shim is gone.  We are not its parent: its end is seen by
 * pidfd, its exit code never.  The lock is held until the page is ours. */
static int adopt(struct shim *s, struct err *e)
{
	AUTO_FD int lock = lock_out_others(s, e);
	struct err lost = ERR_INIT;
	bool with_stdin;
	int r = lock < 0 ? lock : report_resume(&s->report, e);

	if (r < 0)
		return r;
	s->adopted = true;
	s->report.durable = true;
	if (s->report.page.cgroup[0])
		s->cgroup_fd = cgroup_open_path(s->report.page.cgroup, &lost);
	s->init_pidfd = proc_id_open(&s->report.page.init, e);
	if (s->init_pidfd < 0)
		return s->init_pidfd;
	with_stdin = s->report.page.flags & SHIM_F_STDIN;
	if (!(s->cfg.flags & SHIM_START_TTY))
		stdio_adopt(&s->io, s->report.run_fd, with_stdin);
	r = server_listen(&s->server, s->report.run_fd, e);
	if (r == 0)
		r = stdio_run(&s->io, e);
	return r < 0 ? r : report_page(&s->report, e);
}

static int answer(struct shim *s, int sock, struct err *e)
{
	struct net_config *c = (struct net_config *)(void *)s->net_config;
	struct shim_msg m = shim_msg_make(SHIM_STARTED, s->report.page.init.pid);
	struct iovec iov[2] = { { &m, sizeof(m) }, { c, 0 } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };

	m.arg = s->box.rungs;
	m.flags = s->net.flags;
	if (s->cfg.net_len && !s->adopted)
		iov[1].iov_len = m.len = (uint32_t)s->cfg.net_len;
	if (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0) {
		/* Whoever started us may be gone; the container runs all the
		 * same.  Who is there and hears nothing calls it failed. */
		if (errno != EPIPE && errno != ECONNRESET)
			return err_sys(e, "answer that the container runs");
		fd_auto(&sock);
		return 0;
	}
	return server_add(&s->server, sock, s->cfg.streams, e);
}

/* The container runs: now it is told. */
static int serve(struct shim *s, int sock, struct err *e)
{
	int r;

	execs_init(&s->execs, &s->loop, s->init_pidfd, s->cgroup_fd, s->box.exe_fd);
	(void)supervise_event(&s->life, EV_START);
	r = shim_watch(s, e);
	return r == 0 ? answer(s, sock, e) : r;
}

int shim_setup(struct shim *s, int sock, struct err *e)
{
	bool adopting = s->cfg.flags & SHIM_START_ADOPT;
	int r = become_supervisor(e);

	if (r == 0)
		r = loop_init(&s->loop, e);
	if (r < 0)
		return r;
	shim_wire(s);
	r = open_log(s, e);
	if (r == 0)
		r = adopting ? adopt(s, e) : start(s, e);
	if (r == 0)
		r = serve(s, sock, e);
	if (r < 0) {
		netkeep_stop(&s->net);
		if (!adopting)
			rt_abort(&s->box);
		return r;
	}
	/* Only now: newuidmap looks at who owns our children's /proc. */
	(void)prctl(PR_SET_DUMPABLE, 0);
	return r;
}
