#include "shim/server.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/base/fd.h"

#define BACKLOG 64

static size_t slot_of(const struct server_client *c)
{
	return (size_t)(c - c->server->clients);
}

void server_init(struct server *s, struct loop *loop, const struct server_ops *ops)
{
	s->loop = loop;
	s->ops = *ops;
	s->listener.fd = -1;
	for (size_t i = 0; i < MAX_SHIM_CLIENTS; i++) {
		s->clients[i].server = s;
		s->clients[i].source.fd = -1;
	}
}

/* --- clients come and go --- */

static void drop(struct server_client *c)
{
	struct server *s = c->server;
	bool was_owner = s->owner == c;
	int fd = c->source.fd;

	if (fd < 0)
		return;
	if (c->streams & SHIM_ATTACH_OUTPUT)
		s->attached--;
	if (was_owner)
		s->owner = NULL;
	loop_remove(s->loop, &c->source);
	fd_auto(&fd);
	*c = (struct server_client){ .source = { .fd = -1 }, .server = s };
	s->ops.gone(s->ops.arg, c);
	if (was_owner)
		s->ops.room(s->ops.arg);
	server_check_flushed(s);
}

static void attach(struct server_client *c, uint32_t streams)
{
	struct server *s = c->server;

	streams &= SHIM_ATTACH_STDIN | SHIM_ATTACH_OUTPUT |
		   (s->owner ? 0 : SHIM_ATTACH_OWNER);
	if (streams & SHIM_ATTACH_OWNER)
		s->owner = c;
	if (streams & SHIM_ATTACH_OUTPUT && !(c->streams & SHIM_ATTACH_OUTPUT)) {
		s->attached++;
		c->at = s->ring.head;
	}
	c->streams |= streams;
	if (c->streams) {
		c->wants_exit = true;
		c->owes_exit = s->told;
	}
}

static void on_client(struct loop_source *src, uint32_t events);

int server_add(struct server *s, int fd, uint32_t streams, struct err *e)
{
	AUTO_FD int own = fd;
	int r;

	for (size_t i = 0; i < MAX_SHIM_CLIENTS; i++) {
		struct server_client *c = &s->clients[i];

		if (c->source.fd >= 0)
			continue;
		r = loop_add(s->loop, &c->source, own, EPOLLIN, on_client, e);
		if (r < 0)
			return r;
		(void)take_fd(&own);
		attach(c, streams);
		return 0;
	}
	return err_set(e, EUSERS, "too many clients");
}

static bool is_ours(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       (peer.uid == geteuid() || peer.uid == 0);
}

static void on_listener(struct loop_source *src, uint32_t events)
{
	struct server *s = (struct server *)((char *)src - offsetof(struct server, listener));
	struct err lost = ERR_INIT;
	AUTO_FD int fd = accept4(src->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd >= 0 && is_ours(fd) && server_add(s, take_fd(&fd), 0, &lost) < 0)
		err_clear(&lost);
}

int server_listen(struct server *s, int run_fd, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	AUTO_FD int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int old = s->listener.fd;
	int r;

	if (fd < 0)
		return err_sys(e, "make a socket");
	/* By descriptor: the path itself may be too long for an address. */
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/" SHIM_SOCK_NAME,
		 run_fd);
	r = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
	if (r < 0 && errno == EADDRINUSE) {
		(void)unlinkat(run_fd, SHIM_SOCK_NAME, 0);
		r = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
	}
	if (r < 0)
		return err_sys(e, "bind the shim's socket");
	if (listen(fd, BACKLOG) < 0)
		return err_sys(e, "listen");
	loop_remove(s->loop, &s->listener);
	fd_auto(&old);
	r = loop_add(s->loop, &s->listener, fd, EPOLLIN, on_listener, e);
	if (r == 0)
		(void)take_fd(&fd);
	return r;
}

void server_clear(struct server *s)
{
	int fd = s->listener.fd;

	loop_remove(s->loop, &s->listener);
	fd_auto(&fd);
	for (size_t i = 0; i < MAX_SHIM_CLIENTS; i++) {
		fd = s->clients[i].source.fd;
		loop_remove(s->loop, &s->clients[i].source);
		fd_auto(&fd);
	}
}

/* --- sending --- */

/* 1 sent, 0 would block, -1 the client is gone. */
static int send_parts(struct server_client *c, const struct shim_msg *m,
		      const struct iovec part[2])
{
	struct iovec iov[3] = {
		{ (void *)m, sizeof(*m) },
		part ? part[0] : (struct iovec){ NULL, 0 },
		part ? part[1] : (struct iovec){ NULL, 0 },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 3 };
	ssize_t n;

	do
		n = sendmsg(c->source.fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 1;
	return errno == EAGAIN || errno == ENOBUFS ? 0 : -1;
}

bool server_try(struct server_client *c, const struct shim_msg *m)
{
	return send_parts(c, m, NULL) > 0;
}

bool server_reply(struct server_client *c, struct shim_msg m, const void *data,
		  const int *fds, size_t count)
{
	static unsigned char out[MAX_SHIM_MESSAGE];
	struct err lost = ERR_INIT;

	if (c->source.fd < 0 || m.len > SHIM_DATA_MAX)
		return false;
	memcpy(out, &m, sizeof(m));
	if (m.len)
		memcpy(out + sizeof(m), data, m.len);
	if (fd_send(c->source.fd, out, sizeof(m) + m.len, fds, count, MSG_DONTWAIT,
		    &lost) < 0) {
		drop(c);
		return false;
	}
	return true;
}

void server_ok(struct server_client *c, int64_t value)
{
	(void)server_reply(c, shim_msg_make(SHIM_OK, value), NULL, NULL, 0);
}

void server_error(struct server_client *c, uint32_t id, int exit_status,
		  const struct err *e)
{
	struct shim_msg m = shim_msg_make(SHIM_ERROR, e->code);
	char data[ERR_TEXT_MAX + 64];
	int key_len, text_len;

	key_len = snprintf(data, 64, "%s", e->key ? e->key : "");
	if (key_len > 63)
		key_len = 63;
	text_len = snprintf(data + key_len + 1, ERR_TEXT_MAX, "%s", e->text);
	m.id = id;
	m.arg = (uint64_t)exit_status;
	m.len = (uint32_t)(key_len + 1 + text_len);
	(void)server_reply(c, m, data, NULL, 0);
}

static int send_ring(struct server_client *c)
{
	struct ring *ring = &c->server->ring;
	struct ring_record rec;

	if (!(c->streams & SHIM_ATTACH_OUTPUT))
		return 1;
	if (c->at < ring->tail)
		return -1;
	while (ring_peek(ring, c->at, &rec)) {
		struct shim_msg m = shim_msg_make((enum shim_op)rec.op, 0);
		int r;

		m.len = rec.len;
		r = send_parts(c, &m, rec.part);
		if (r <= 0)
			return r;
		c->at = rec.next;
	}
	return 1;
}

static int send_owed(struct server_client *c)
{
	struct server *s = c->server;
	struct shim_msg m = shim_msg_make(SHIM_STDIN_DONE, 0);
	int r;

	if (c->owes_done) {
		r = send_parts(c, &m, NULL);
		if (r <= 0)
			return r;
		c->owes_done = false;
	}
	r = send_ring(c);
	if (r <= 0)
		return r;
	if (!s->ops.flush_execs(s->ops.arg, c))
		return 0;
	if (c->owes_exit) {
		m = shim_msg_make(SHIM_EXIT, s->exit_code);
		r = send_parts(c, &m, NULL);
		if (r <= 0)
			return r;
		c->owes_exit = c->wants_exit = false;
	}
	return 1;
}

void server_flush(struct server_client *c)
{
	struct server *s = c->server;
	bool was_full = !server_has_room(s);
	int r;

	if (c->source.fd < 0)
		return;
	r = send_owed(c);
	if (r < 0) {
		drop(c);
		return;
	}
	loop_change(s->loop, &c->source,
		    (c->source.events & EPOLLIN) | (r ? 0u : (uint32_t)EPOLLOUT));
	if (was_full && server_has_room(s))
		s->ops.room(s->ops.arg);
	server_check_flushed(s);
}

static void flush_all(struct server *s)
{
	for (size_t i = 0; i < MAX_SHIM_CLIENTS; i++)
		server_flush(&s->clients[i]);
}

bool server_has_room(const struct server *s)
{
	return !s->owner || !(s->owner->streams & SHIM_ATTACH_OUTPUT) ||
	       ring_has_room(&s->ring, RING_RECORD_MAX, s->owner->at);
}

void server_output(struct server *s, enum shim_op op, const void *data, size_t len)
{
	if (!s->attached)
		return;
	ring_add(&s->ring, op, data, len);
	for (size_t i = 0; i < MAX_SHIM_CLIENTS; i++)
		if (s->clients[i].streams & SHIM_ATTACH_OUTPUT)
			server_flush(&s->clients[i]);
}

void server_tell_exit(struct server *s, int code)
{
	s->told = true;
	s->exit_code = code;
	for (size_t i = 0; i < MAX_SHIM_CLIENTS; i++)
		s->clients[i].owes_exit = s->clients[i].wants_exit;
	flush_all(s);
	server_check_flushed(s);
}

void server_drop_slow(struct server *s)
{
	for (size_t i = 0; i < MAX_SHIM_CLIENTS; i++)
		if (&s->clients[i] != s->owner)
			drop(&s->clients[i]);
}

void server_check_flushed(struct server *s)
{
	if (!s->told || (s->temporary && s->owner && !s->released))
		return;
	for (size_t i = 0; i < MAX_SHIM_CLIENTS; i++)
		if (s->clients[i].source.fd >= 0 && s->clients[i].owes_exit)
			return;
	s->ops.flushed(s->ops.arg);
}

/* --- stdin --- */

static unsigned char *held_of(struct server_client *c)
{
	return c->server->held[slot_of(c)];
}

/* Writes on what a client sent; answers when all of it is gone. */
static void push_held(struct server_client *c)
{
	struct server *s = c->server;
	ssize_t n = 0;

	while (c->held_len) {
		n = s->ops.stdin_write(s->ops.arg, held_of(c) + c->held_at,
				       c->held_len);
		if (n <= 0)
			break;
		c->held_at += (uint32_t)n;
		c->held_len -= (uint32_t)n;
	}
	if (c->held_len && n == 0) {
		s->ops.stdin_want_room(s->ops.arg);
		return;
	}
	/* Bytes for a stdin that was closed are dropped, as by a pipe whose
	 * writer ignores SIGPIPE. */
	c->held_len = 0;
	if (c->wants_eof)
		s->ops.stdin_eof(s->ops.arg);
	c->owes_done = !c->wants_eof;
	c->wants_eof = false;
	server_flush(c);
}

void server_stdin_room(struct server *s)
{
	for (size_t i = 0; i < MAX_SHIM_CLIENTS; i++)
		if (s->clients[i].source.fd >= 0 && s->clients[i].held_len)
			push_held(&s->clients[i]);
}

static void take_stdin(struct server_client *c, const struct shim_msg *m,
		       const void *data)
{
	if (!(c->streams & SHIM_ATTACH_STDIN) || m->len > SHIM_STDIN_MAX ||
	    c->held_len || c->owes_done) {
		drop(c);
		return;
	}
	memcpy(held_of(c), data, m->len);
	c->held_at = 0;
	c->held_len = m->len;
	push_held(c);
}

static void take_eof(struct server_client *c)
{
	struct server *s = c->server;

	if (!(c->streams & SHIM_ATTACH_STDIN))
		return;
	if (c->held_len)
		c->wants_eof = true;
	else
		s->ops.stdin_eof(s->ops.arg);
}

/* --- requests --- */

static void handle(struct server_client *c, const struct shim_msg *m,
		   const void *data, int *fds, size_t count)
{
	struct server *s = c->server;

	switch (m->op) {
	case SHIM_STDIN:
		take_stdin(c, m, data);
		break;
	case SHIM_STDIN_EOF:
		take_eof(c);
		break;
	case SHIM_ATTACH:
		attach(c, m->flags);
		server_ok(c, 0);
		server_flush(c);
		break;
	case SHIM_WAIT:
		c->wants_exit = true;
		c->owes_exit = s->told;
		server_flush(c);
		break;
	case SHIM_PING:
		server_ok(c, 0);
		break;
	case SHIM_RELEASE:
		s->released |= c == s->owner;
		server_check_flushed(s);
		break;
	default:
		s->ops.request(s->ops.arg, c, m, fds, count);
		break;
	}
}

#define REQUEST_FDS 4

/* False when there is no more to read, or nobody to read from. */
static bool read_request(struct server_client *c)
{
	static unsigned char bytes[MAX_SHIM_MESSAGE];
	int fds[REQUEST_FDS] = { -1, -1, -1, -1 };
	struct err lost = ERR_INIT;
	size_t count = REQUEST_FDS;
	struct shim_msg m;
	const void *data;
	ssize_t n = fd_recv(c->source.fd, bytes, sizeof(bytes), fds, &count,
			    MSG_DONTWAIT, &lost);

	if (n == -EAGAIN)
		return false;
	if (n <= 0 || shim_msg_parse(&m, &data, bytes, (size_t)n, &lost) < 0)
		drop(c);
	else
		handle(c, &m, data, fds, count);
	for (size_t i = 0; i < REQUEST_FDS; i++)
		fd_auto(&fds[i]);
	return c->source.fd >= 0;
}

/* Requests of one client that are handled before others get their turn. */
#define REQUEST_BURST 16

static void on_client(struct loop_source *src, uint32_t events)
{
	struct server_client *c = (struct server_client *)src;

	if (events & EPOLLOUT)
		server_flush(c);
	for (int i = 0; i < REQUEST_BURST && events & (EPOLLIN | EPOLLHUP | EPOLLERR) &&
			c->source.fd >= 0; i++)
		if (!read_request(c))
			break;
}
