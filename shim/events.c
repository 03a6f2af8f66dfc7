#include "shim/shim.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/proc.h"
#include "lib/os/cgroup.h"
#include "lib/os/cgroup_stats.h"

#define EXIT_TOOL_ERROR 125
#define EXIT_UNKNOWN (-1)
#define CGROUP_END_NS (50 * NS_PER_MS)
#define LOOK_MS 100

/* --- the end of processes --- */

static bool was_oom(struct shim *s)
{
	return s->cgroup_fd >= 0 && cgroup_oom_kills(s->cgroup_fd) > 0;
}

/* Before anybody hears of the end, because the next run takes the same name.
 * What does not die in time is left to rm. */
static void remove_cgroup(struct shim *s)
{
	AUTO(cgroup_tree) struct cgroup_tree tree = { .fd = -1 };
	struct err lost = ERR_INIT;

	if (s->cgroup_fd < 0)
		return;
	cgroup_await_empty(s->cgroup_fd, CGROUP_END_NS);
	if (cgroup_tree_open(&tree, &lost) == 0)
		(void)!cgroup_remove(&tree, s->report.page.cgroup, &lost);
	fd_auto(&s->cgroup_fd);
}

static void init_ended(struct shim *s, int code)
{
	if (s->dead)
		return;
	s->dead = true;
	s->exit_code = code;
	loop_remove(&s->loop, &s->init);
	(void)supervise_event(&s->life, EV_EXIT);
}

/* Everything that ended: init, execs, helpers, and orphans that came to us. */
static void reap(struct shim *s)
{
	siginfo_t si;

	for (;;) {
		int code;

		si.si_pid = 0;
		if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG) < 0 || !si.si_pid)
			return;
		code = si.si_code == CLD_EXITED ? si.si_status : 128 + si.si_status;
		if (!s->adopted && si.si_pid == s->box.pid)
			init_ended(s, code);
		else if (!execs_ended(&s->execs, si.si_pid, code))
			(void)netkeep_ended(&s->net, si.si_pid);
	}
}

static void on_init(struct loop_source *src, uint32_t events)
{
	struct shim *s = (struct shim *)((char *)src - offsetof(struct shim, init));

	(void)events;
	init_ended(s, EXIT_UNKNOWN);
}

/* --- what the life table does --- */

/* Who is frozen would not hear of it. */
static int signal_init(struct shim *s, int sig)
{
	int r = proc_pidfd_kill(s->init_pidfd, sig);

	if (r == 0 && sig && s->cgroup_fd >= 0)
		cgroup_thaw(s->cgroup_fd);
	return r;
}

static void do_signal(void *arg, int sig)
{
	struct shim *s = arg;

	s->report.page.flags |= SHIM_F_STOPPED;
	(void)signal_init(s, sig);
}

static void kill_cgroup(struct shim *s)
{
	struct err lost = ERR_INIT;

	if (s->cgroup_fd >= 0)
		(void)!fs_write_small(s->cgroup_fd, "cgroup.kill", "1", &lost);
}

static void do_kill_all(void *arg)
{
	struct shim *s = arg;

	s->report.page.flags |= SHIM_F_STOPPED;
	(void)proc_pidfd_kill(s->init_pidfd, SIGKILL);
	kill_cgroup(s);
}

static void do_arm(void *arg, uint64_t ms)
{
	struct shim *s = arg;

	s->timer_ns = ms ? clock_mono_ns() + ms * NS_PER_MS : 0;
}

static void do_drain(void *arg)
{
	struct shim *s = arg;

	/* What did not share init's pid namespace ends with it all the same. */
	kill_cgroup(s);
	stdio_drain(&s->io);
}

static void do_record(void *arg)
{
	struct shim *s = arg;

	for (int i = 0; i < 2; i++)
		log_end(&s->log, (enum logline_stream)i, clock_wall_ns());
	if (was_oom(s))
		s->report.page.flags |= SHIM_F_OOM;
	remove_cgroup(s);
	report_exit(&s->report, s->exit_code);
}

static void do_tell(void *arg)
{
	struct shim *s = arg;

	server_tell_exit(&s->server, s->exit_code);
}

static void do_drop_slow(void *arg)
{
	struct shim *s = arg;

	server_drop_slow(&s->server);
}

static void do_finish(void *arg)
{
	struct shim *s = arg;
	struct proc_spec spec = {
		.path = s->cfg.cleanup[0],
		.argv = (char *const *)s->cfg.cleanup,
		.new_session = true,
	};
	struct proc p = PROC_INIT;
	struct err lost = ERR_INIT;

	netkeep_stop(&s->net);
	if (s->cfg.flags & SHIM_START_REMOVE && !s->server.released && spec.path)
		(void)!proc_spawn(&p, &spec, &lost);
	s->loop.stop = true;
}

static const struct supervise_ops life_ops = {
	.signal = do_signal,
	.kill_all = do_kill_all,
	.arm = do_arm,
	.drain = do_drain,
	.record = do_record,
	.tell = do_tell,
	.drop_slow = do_drop_slow,
	.finish = do_finish,
};

/* --- what the streams do --- */

static bool sink_has_room(void *arg)
{
	struct shim *s = arg;

	return server_has_room(&s->server);
}

static void sink_data(void *arg, enum logline_stream stream, const char *data,
		      size_t len)
{
	struct shim *s = arg;

	log_add(&s->log, stream, data, len, clock_wall_ns());
	server_output(&s->server, stream == LOGLINE_STDERR ? SHIM_STDERR : SHIM_STDOUT,
		      data, len);
}

static void sink_drained(void *arg)
{
	struct shim *s = arg;

	(void)supervise_event(&s->life, EV_DRAINED);
}

static void sink_stdin_room(void *arg)
{
	struct shim *s = arg;

	server_stdin_room(&s->server);
}

/* --- what clients do --- */

static void request_kill(struct shim *s, struct server_client *c,
			 const struct shim_msg *m)
{
	struct err e = ERR_INIT;
	int r = -EINVAL;

	if (m->value >= 0 && m->value <= 64)
		r = s->dead ? -ESRCH : signal_init(s, (int)m->value);
	if (r == 0) {
		server_ok(c, 0);
		return;
	}
	(void)err_ret(&e, r, "signal the container");
	server_error(c, 0, EXIT_TOOL_ERROR, &e);
}

static void request_stop(struct shim *s, struct server_client *c,
			 const struct shim_msg *m)
{
	bool known = m->value >= 1 && m->value <= 64;
	struct err lost = ERR_INIT;

	s->life.stop_signal = known ? (int)m->value : s->cfg.stop_signal;
	s->life.stop_timeout_ms = m->arg == UINT64_MAX ? s->cfg.stop_timeout_ms : m->arg;
	/* A container that ended already is stopped. */
	(void)supervise_event(&s->life, EV_STOP);
	if (s->life.state == LIFE_STOPPING && s->report.page.state == SHIM_RUNNING) {
		s->report.page.state = SHIM_STOPPING;
		if (report_page(&s->report, &lost) < 0)
			err_clear(&lost);
	}
	server_ok(c, 0);
}

static void request_reopen(struct shim *s, struct server_client *c)
{
	struct err e = ERR_INIT;

	if (s->log.fd >= 0 && log_reopen(&s->log, &e) < 0)
		server_error(c, 0, EXIT_TOOL_ERROR, &e);
	else
		server_ok(c, 0);
}

static void request_unknown(struct server_client *c, const struct shim_msg *m)
{
	struct err e = ERR_INIT;

	(void)err_set(&e, ENOSYS, "the shim knows no request %u", m->op);
	server_error(c, m->id, EXIT_TOOL_ERROR, &e);
}

static void on_request(void *arg, struct server_client *c, const struct shim_msg *m,
		       int *fds, size_t count)
{
	struct shim *s = arg;

	switch (m->op) {
	case SHIM_RESIZE:
		stdio_resize(&s->io, (uint16_t)(m->value >> 16), (uint16_t)m->value);
		break;
	case SHIM_KILL:
		if (m->id)
			execs_kill(&s->execs, c, m);
		else
			request_kill(s, c, m);
		break;
	case SHIM_STOP:
		request_stop(s, c, m);
		break;
	case SHIM_EXEC:
		execs_start(&s->execs, c, m, fds, count);
		break;
	case SHIM_KEEP:
		execs_keep(&s->execs, m, fds, count);
		break;
	case SHIM_REOPEN_LOG:
		request_reopen(s, c);
		break;
	default:
		request_unknown(c, m);
		break;
	}
}

static ssize_t client_stdin(void *arg, const void *data, size_t len)
{
	struct shim *s = arg;

	return stdio_write(&s->io, data, len);
}

static void client_stdin_want(void *arg)
{
	struct shim *s = arg;

	stdio_want_room(&s->io);
}

static void client_stdin_eof(void *arg)
{
	struct shim *s = arg;

	stdio_eof(&s->io);
}

static void client_room(void *arg)
{
	struct shim *s = arg;

	s->may_resume = true;
}

static void client_flushed(void *arg)
{
	struct shim *s = arg;

	s->may_finish = true;
}

static void client_gone(void *arg, struct server_client *c)
{
	struct shim *s = arg;

	execs_gone(&s->execs, c);
}

static bool client_flush_execs(void *arg, struct server_client *c)
{
	struct shim *s = arg;

	return execs_flush(&s->execs, c);
}

void shim_wire(struct shim *s)
{
	struct stdio_sink sink = {
		.has_room = sink_has_room,
		.data = sink_data,
		.drained = sink_drained,
		.stdin_room = sink_stdin_room,
		.arg = s,
	};
	struct server_ops ops = {
		.request = on_request,
		.stdin_write = client_stdin,
		.stdin_want_room = client_stdin_want,
		.stdin_eof = client_stdin_eof,
		.room = client_room,
		.gone = client_gone,
		.flush_execs = client_flush_execs,
		.flushed = client_flushed,
		.arg = s,
	};

	s->life = (struct supervise){ .ops = &life_ops, .arg = s };
	s->signals.fd = s->init.fd = -1;
	stdio_init(&s->io, &s->loop, &sink);
	server_init(&s->server, &s->loop, &ops);
	s->server.temporary = s->cfg.flags & SHIM_START_REMOVE;
}

/* --- the loop --- */

/* Not inotify, of which a user has but 128.  A kernel without this means that
 * a logout hides us. */
static void watch_run_dir(struct shim *s)
{
	(void)fcntl(s->report.run_fd, F_NOTIFY, DN_DELETE | DN_MULTISHOT);
}

/* A shutdown, or systemd at logout: time to stop in order, so that the exit
 * code is known.  A first process without a handler heeds no SIGTERM itself. */
static void stop_by_signal(struct shim *s)
{
	s->life.stop_signal = s->cfg.stop_signal;
	s->life.stop_timeout_ms = s->cfg.stop_timeout_ms;
	(void)supervise_event(&s->life, EV_STOP);
}

static void on_signal(struct loop_source *src, uint32_t events)
{
	struct shim *s = (struct shim *)((char *)src - offsetof(struct shim, signals));
	struct err lost = ERR_INIT;
	struct signalfd_siginfo si;

	(void)events;
	while (read(src->fd, &si, sizeof(si)) == sizeof(si)) {
		if (si.ssi_signo == SIGTERM)
			stop_by_signal(s);
		if (si.ssi_signo != SIGIO || !report_moved(&s->report, SHIM_SOCK_NAME))
			continue;
		watch_run_dir(s);
		if (server_listen(&s->server, s->report.run_fd, &lost) < 0)
			err_clear(&lost);
	}
	reap(s);
}

int shim_watch(struct shim *s, struct err *e)
{
	sigset_t mask;
	int fd, r;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigaddset(&mask, SIGIO);
	sigaddset(&mask, SIGTERM);
	fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_sys(e, "make a signalfd");
	r = loop_add(&s->loop, &s->signals, fd, EPOLLIN, on_signal, e);
	if (r == 0 && s->adopted)
		r = loop_add(&s->loop, &s->init, s->init_pidfd, EPOLLIN, on_init, e);
	/* What stands for a pidfd is looked at from time to time. */
	if (r == -EPERM && s->adopted) {
		err_clear(e);
		r = 0;
	}
	watch_run_dir(s);
	return r;
}

static bool must_look(const struct shim *s)
{
	return s->adopted && !s->dead && s->init.fd < 0;
}

static int wait_ms(uint64_t at_ns, uint64_t now_ns, int so_far)
{
	uint64_t ms;

	if (!at_ns)
		return so_far;
	ms = at_ns > now_ns ? (at_ns - now_ns + NS_PER_MS - 1) / NS_PER_MS : 0;
	if (ms > INT32_MAX)
		ms = INT32_MAX;
	return so_far < 0 || (int)ms < so_far ? (int)ms : so_far;
}

static int next_wait(const struct shim *s)
{
	int wait = must_look(s) ? LOOK_MS : -1;
	uint64_t now;

	if (!s->timer_ns && !s->net.retry_at_ns)
		return wait;
	now = clock_mono_ns();
	return wait_ms(s->net.retry_at_ns, now, wait_ms(s->timer_ns, now, wait));
}

static void run_timers(struct shim *s)
{
	struct err lost = ERR_INIT;
	uint64_t now;

	if (must_look(s) && proc_pidfd_wait(s->init_pidfd, 0) > 0)
		init_ended(s, EXIT_UNKNOWN);
	if (!s->timer_ns && !s->net.retry_at_ns)
		return;
	now = clock_mono_ns();
	if (s->timer_ns && s->timer_ns <= now) {
		s->timer_ns = 0;
		(void)supervise_event(&s->life, EV_TIMER);
	}
	if (s->net.retry_at_ns && s->net.retry_at_ns <= now) {
		netkeep_retry(&s->net);
		shim_note_network(s);
		if (report_page(&s->report, &lost) < 0)
			err_clear(&lost);
	}
}

int shim_run(struct shim *s, struct err *e)
{
	while (!s->loop.stop) {
		int r = loop_once(&s->loop, next_wait(s), e);

		if (r < 0)
			return r;
		run_timers(s);
		/* Draining may make room that lets it go on draining. */
		while (s->may_resume) {
			s->may_resume = false;
			stdio_resume(&s->io);
		}
		if (s->may_finish) {
			s->may_finish = false;
			(void)supervise_event(&s->life, EV_FLUSHED);
		}
	}
	return 0;
}
