#include "lib/ctr/client.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define SHIM_SOCKET 3
#define EXIT_TOOL_ERROR 125

/* --- starting --- */

int client_prepare(struct client *out, const char *shim_path,
		   const struct buf *early, int cgroup_fd, struct err *e)
{
	AUTO(fd_pair) struct fd_pair pair = FD_PAIR_INIT;
	char *argv[] = { (char *)"coracle-shim", NULL };
	struct proc p = PROC_INIT;
	int r = fd_socketpair(&pair, SOCK_SEQPACKET, e);

	if (r < 0)
		return r;
	/* The message waits in the socket while the shim starts. */
	if (early && fd_send(pair.a, early->data, early->len, &cgroup_fd, cgroup_fd >= 0, 0, e) < 0)
		return -e->code;
	r = proc_spawn(&p,
		       &(struct proc_spec){
			       .path = shim_path,
			       .argv = argv,
			       .fds = &(struct proc_fd){ pair.b, SHIM_SOCKET },
			       .fd_count = 1,
			       .new_session = true,
		       },
		       e);
	if (r < 0)
		return r;
	/* It outlives us and is not waited for. */
	fd_auto(&p.pidfd);
	out->sock = take_fd(&pair.a);
	out->shim = p.pid;
	return 0;
}

int client_launch(struct client *c, const char *shim_path,
		  struct shim_start *s, const int fds[SHIM_FDS], struct err *e)
{
	AUTO(buf) struct buf b = BUF_INIT(MAX_SHIM_MESSAGE);
	int sent[SHIM_FDS];
	size_t count = 0;
	int r = c->sock < 0 ? client_prepare(c, shim_path, NULL, -1, e) : 0;

	s->fds = 0;
	for (int i = 0; i < SHIM_FDS; i++)
		if (fds[i] >= 0) {
			s->fds |= 1u << i;
			sent[count++] = fds[i];
		}
	if (r == 0)
		r = shim_start_print(&b, s, e);
	if (r < 0)
		return r;
	r = (int)fd_send(c->sock, b.data, b.len, sent, count, 0, e);
	return r < 0 ? r : 0;
}

/* --- messages --- */

static int send_msg(struct client *c, struct shim_msg m, const void *data,
		    const int *fds, size_t count, struct err *e)
{
	AUTO(buf) struct buf b = BUF_INIT(MAX_SHIM_MESSAGE);
	ssize_t n;

	(void)buf_add(&b, &m, sizeof(m));
	(void)buf_add(&b, data, m.len);
	n = fd_send(c->sock, b.data, b.len, fds, count, 0, e);
	if (n < 0) {
		err_clear(e);
		return err_set(e, EPIPE, "the shim is gone");
	}
	return 0;
}

/* Hints of the shim's errors, so that a key stays a literal. */
static const char *known_key(const char *key)
{
	static const char *const keys[] = {
		"rt.exec", "rt.call", "userns.none", "net.low_port", "net.port_in_use",
	};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (str_eq(keys[i], key))
			return keys[i];
	return NULL;
}

/* SHIM_ERROR as an error of ours. */
static int take_error(const struct shim_msg *m, const char *data, struct err *e)
{
	const char *nul = memchr(data, '\0', m->len);
	int code = m->value > 0 && m->value < 4096 ? (int)m->value : EIO;
	int r;

	if (!nul)
		return err_set(e, code, "the shim failed");
	r = err_set(e, code, "%.*s", (int)(m->len - (size_t)(nul + 1 - data)), nul + 1);
	return err_hint(e, r, known_key(data));
}

struct reply {
	struct shim_msg m;
	char *data;			/* points into bytes */
	int fd;				/* -1: none came */
	char bytes[MAX_SHIM_MESSAGE];
};

/* The next message that is not a frame of output. */
static int next_reply(struct client *c, struct reply *r, struct err *e)
{
	for (;;) {
		const void *data;
		size_t count = 1;
		ssize_t n;
		int ret;

		r->fd = -1;
		n = fd_recv(c->sock, r->bytes, sizeof(r->bytes), &r->fd, &count, 0, e);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return err_set(e, EPIPE, "the shim is gone");
		ret = shim_msg_parse(&r->m, &data, r->bytes, (size_t)n, e);
		if (ret < 0) {
			fd_auto(&r->fd);
			return ret;
		}
		r->data = r->bytes + sizeof(r->m);
		if (r->m.op != SHIM_STDOUT && r->m.op != SHIM_STDERR)
			return 0;
	}
}

/* A request that is answered by SHIM_OK. */
static int ask(struct client *c, struct shim_msg m, struct err *e)
{
	AUTO_FREE struct reply *r = mem_new(struct reply);
	int ret = send_msg(c, m, NULL, NULL, 0, e);

	if (ret == 0)
		ret = next_reply(c, r, e);
	if (ret < 0)
		return ret;
	fd_auto(&r->fd);
	if (r->m.op == SHIM_ERROR)
		return take_error(&r->m, r->data, e);
	return r->m.op == SHIM_OK ? 0 : err_set(e, EPROTO, "unexpected answer %u", r->m.op);
}

int client_await_start(struct client *c, struct client_started *out, struct err *e)
{
	AUTO_FREE struct reply *r = mem_new(struct reply);
	int ret;

	out->exit_status = EXIT_TOOL_ERROR;
	ret = next_reply(c, r, e);
	if (ret < 0)
		return ret;
	fd_auto(&r->fd);
	if (r->m.op == SHIM_ERROR) {
		out->exit_status = (int)r->m.arg;
		return take_error(&r->m, r->data, e);
	}
	if (r->m.op != SHIM_STARTED)
		return err_set(e, EPROTO, "unexpected answer %u", r->m.op);
	*out = (struct client_started){
		.init = (pid_t)r->m.value,
		.rungs = (uint32_t)r->m.arg,
		.net_flags = r->m.flags,
		.net_len = r->m.len,
	};
	if (r->m.len) {
		out->net = mem_zero(1, r->m.len);
		memcpy(out->net, r->data, r->m.len);
	}
	return 0;
}

/* --- finding --- */

int client_look(int run_fd, struct shim_page *page, enum client_health *health,
		struct err *e)
{
	char bytes[sizeof(*page) + 1];
	ssize_t len;
	int r = fs_read_small(run_fd, SHIM_PAGE_NAME, bytes, sizeof(bytes), &len, e);

	if (r == -ENOENT) {
		err_clear(e);
		*health = CLIENT_ABSENT;
		return 0;
	}
	if (r == 0)
		r = shim_page_parse(page, bytes, (size_t)len, e);
	if (r < 0)
		return r;
	if (page->state == SHIM_EXITED)
		*health = CLIENT_ENDED;
	else if (proc_id_is_alive(&page->shim))
		*health = CLIENT_SERVED;
	else if (proc_id_is_alive(&page->init))
		*health = CLIENT_ORPHAN;
	else
		*health = CLIENT_LOST;
	return 0;
}

int client_read_exit(int data_fd, struct shim_exit *out, struct err *e)
{
	char bytes[sizeof(*out) + 1];
	ssize_t len;
	int r = fs_read_small(data_fd, SHIM_EXIT_NAME, bytes, sizeof(bytes), &len, e);

	return r < 0 ? r : shim_exit_parse(out, bytes, (size_t)len, e);
}

int client_record_lost(int data_fd, const struct shim_page *page, struct err *e)
{
	struct shim_exit x;
	int r = client_read_exit(data_fd, &x, e);

	if (r == 0 || r != -ENOENT)
		return r;
	err_clear(e);
	memset(&x, 0, sizeof(x));
	x.magic = SHIM_MAGIC;
	x.version = SHIM_VERSION;
	x.exit_code = -1;
	x.flags = page->flags;
	x.started_ns = page->started_ns;
	x.finished_ns = clock_wall_ns();
	x.init = page->init;
	return fs_replace(data_fd, SHIM_EXIT_NAME, &x, sizeof(x), 0600, FS_SYNC, e);
}

int client_connect(struct client *out, int run_fd, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	AUTO_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_sys(e, "make a socket");
	/* By descriptor: the path itself may be too long for an address. */
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/" SHIM_SOCK_NAME,
		 run_fd);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return err_set(e, ESRCH, "no shim serves the container");
		return err_sys(e, "connect to the shim");
	}
	out->sock = take_fd(&fd);
	return 0;
}

/* --- requests --- */

int client_ping(struct client *c, struct err *e)
{
	return ask(c, shim_msg_make(SHIM_PING, 0), e);
}

int client_kill(struct client *c, int sig, struct err *e)
{
	return ask(c, shim_msg_make(SHIM_KILL, sig), e);
}

int client_stop(struct client *c, int sig, uint64_t timeout_ms, struct err *e)
{
	struct shim_msg m = shim_msg_make(SHIM_STOP, sig);

	m.arg = timeout_ms;
	return ask(c, m, e);
}

int client_reopen_log(struct client *c, struct err *e)
{
	return ask(c, shim_msg_make(SHIM_REOPEN_LOG, 0), e);
}

int client_release(struct client *c, struct err *e)
{
	return send_msg(c, shim_msg_make(SHIM_RELEASE, 0), NULL, NULL, 0, e);
}

/* Milliseconds left until the deadline; -1: there is none. */
static int ms_left(uint64_t deadline_ns)
{
	uint64_t now = clock_mono_ns();

	if (deadline_ns == UINT64_MAX)
		return -1;
	return deadline_ns > now ? (int)((deadline_ns - now + NS_PER_MS - 1) / NS_PER_MS) : 0;
}

int client_wait(struct client *c, uint32_t exec_id, int timeout_ms, int *code,
		struct err *e)
{
	AUTO_FREE struct reply *r = mem_new(struct reply);
	uint64_t deadline = UINT64_MAX;
	int ret = 0;

	if (timeout_ms >= 0)
		deadline = clock_mono_ns() + (unsigned long long)timeout_ms * NS_PER_MS;
	if (!exec_id)
		ret = send_msg(c, shim_msg_make(SHIM_WAIT, 0), NULL, NULL, 0, e);
	while (ret == 0) {
		struct pollfd p = { .fd = c->sock, .events = POLLIN };
		int n = poll(&p, 1, ms_left(deadline));

		if (n < 0 && errno != EINTR)
			return err_sys(e, "poll");
		if (n == 0)
			return err_set(e, ETIMEDOUT, "the container still runs");
		if (n < 0)
			continue;
		ret = next_reply(c, r, e);
		if (ret < 0)
			break;
		fd_auto(&r->fd);
		if (r->m.op == SHIM_EXIT && r->m.id == exec_id) {
			*code = (int)r->m.value;
			return 0;
		}
	}
	return ret;
}

/* Waits for the answer; did the shim die without having read what we sent? */
static bool is_unread(int sock)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	socklen_t len = sizeof(int);
	int code = 0;

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
	return getsockopt(sock, SOL_SOCKET, SO_ERROR, &code, &len) == 0 && code == ECONNRESET;
}

int client_exec(struct client *c, int plan_fd, const int *stdio, uint16_t rows,
		uint16_t cols, struct client_exec *out, struct err *e)
{
	AUTO_FREE struct reply *r = mem_new(struct reply);
	struct shim_msg m = shim_msg_make(SHIM_EXEC, (int64_t)rows << 16 | cols);
	int fds[4] = { plan_fd };
	bool unread = true;
	int ret;

	out->exit_status = EXIT_TOOL_ERROR;
	if (stdio)
		memcpy(fds + 1, stdio, 3 * sizeof(int));
	else
		m.flags = SHIM_EXEC_TTY;
	ret = send_msg(c, m, NULL, fds, stdio ? 4 : 1, e);
	if (ret == 0) {
		unread = is_unread(c->sock);
		ret = next_reply(c, r, e);
	}
	if (ret == -EPIPE && unread) {
		err_clear(e);
		return err_set(e, ESRCH, "no shim serves the container");
	}
	if (ret < 0)
		return ret;
	if (r->m.op == SHIM_EXEC_STARTED && (stdio || r->fd >= 0)) {
		*out = (struct client_exec){
			.id = r->m.id,
			.pid = (pid_t)r->m.value,
			.pty = r->fd,
		};
		return 0;
	}
	fd_auto(&r->fd);
	if (r->m.op != SHIM_ERROR)
		return err_set(e, EPROTO, "unexpected answer %u", r->m.op);
	out->exit_status = (int)r->m.arg;
	return take_error(&r->m, r->data, e);
}
