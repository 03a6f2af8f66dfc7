/* How it works
 *
 * A joint has two sides, the client's and the container's, and two flows, one
 * in each direction.  Sides are watched edge-triggered for everything, once,
 * so that no system call is spent on changing what is waited for; flow_pump()
 * therefore goes on until the kernel says EAGAIN or a short read says the
 * same.  A joint that uses up its turn is put on the busy list and continues
 * after the others had theirs.
 *
 * What was read and could not be written is kept in one place per flow: in
 * the pipe when it has one, else in a small allocation.  While there is any,
 * nothing more is read.
 */
#include "rootless/portfwd_int.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/base/mem.h"

#define CHUNK		KIB(64)		/* copied at once */
#define PIPE_SIZE	KIB(512)
#define CALM		KIB(8)		/* a splice below this gives the pipe back */
#define TURN		16		/* reads of a flow before others go on */
#define ACCEPTS		32		/* per event */
#define IDLE_PIPES	16
#define FDS_PER_JOINT	6
#define FDS_RESERVED	512		/* slirp's, the pool's, the listeners' */
#define MAX_JOINTS	4096

enum { CLIENT, INSIDE };

struct pipe {
	int out;
	int in;
};

struct flow {
	struct pipe pipe;
	uint8_t *held;
	uint32_t held_len;
	uint32_t in_pipe;
	bool is_readable;		/* as far as we know */
	bool is_ending;			/* the sender's end was announced */
	bool is_ended;			/* and read */
	bool is_done;			/* and the receiver knows */
};

struct joint {
	struct loop_source side[2];
	struct flow flow[2];		/* from CLIENT, from INSIDE */
	struct tcpfwd *all;
	struct listener *listener;
	struct joint *next;		/* free or busy */
	union net_addr client;
	uint8_t family;			/* of the socket inside */
	bool is_connecting;
	bool is_second;			/* family that is tried */
	bool is_busy;
	bool is_dead;			/* closed, but still on the busy list */
};

struct tcpfwd {
	struct portfwd *all;
	struct joint *joints;		/* max of them, touched as needed */
	struct joint *unused;
	struct joint *busy;
	unsigned max;
	unsigned used;			/* joints ever touched */
	unsigned live;
	unsigned idle_count;
	struct pipe idle[IDLE_PIPES];
	uint8_t *chunk;
};

int tcpfwd_new(struct tcpfwd **out, struct portfwd *all, uint64_t max_fds,
	       struct err *e)
{
	struct tcpfwd *t = mem_new(struct tcpfwd);
	size_t size;
	void *p;

	t->all = all;
	t->max = max_fds > FDS_RESERVED + FDS_PER_JOINT ?
		 (unsigned)((max_fds - FDS_RESERVED) / FDS_PER_JOINT) : 1;
	if (t->max > MAX_JOINTS)
		t->max = MAX_JOINTS;
	size = CHUNK + t->max * sizeof(struct joint);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED) {
		free_auto(&t);
		return err_sys(e, "memory for connections");
	}
	t->chunk = p;
	t->joints = (void *)(t->chunk + CHUNK);
	*out = t;
	return 0;
}

/* --- pipes --- */

static bool pipe_get(struct tcpfwd *t, struct pipe *p)
{
	int fds[2];

	if (t->idle_count) {
		*p = t->idle[--t->idle_count];
		return true;
	}
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	*p = (struct pipe){ .out = fds[0], .in = fds[1] };
	/* A user with many pipes gets tiny ones: copying is better then. */
	if (fcntl(p->in, F_SETPIPE_SZ, PIPE_SIZE) < 0 &&
	    fcntl(p->in, F_GETPIPE_SZ) < (int)CHUNK) {
		fd_auto(&p->out);
		fd_auto(&p->in);
		return false;
	}
	return true;
}

static void pipe_put(struct tcpfwd *t, struct flow *f)
{
	if (f->pipe.in < 0)
		return;
	if (!f->in_pipe && t->idle_count < IDLE_PIPES) {
		t->idle[t->idle_count++] = f->pipe;
		f->pipe = (struct pipe){ -1, -1 };
		return;
	}
	fd_auto(&f->pipe.in);
	fd_auto(&f->pipe.out);
	f->in_pipe = 0;
}

/* --- joints --- */

static struct joint *joint_new(struct tcpfwd *t)
{
	struct joint *j = t->unused;

	if (j)
		t->unused = j->next;
	else if (t->used < t->max)
		j = &t->joints[t->used++];
	else
		return NULL;
	*j = (struct joint){
		.side = { { .fd = -1 }, { .fd = -1 } },
		.flow = { { .pipe = { -1, -1 } }, { .pipe = { -1, -1 } } },
		.all = t,
	};
	t->live++;
	return j;
}

static void side_close(struct joint *j, int which, bool reset)
{
	static const struct linger now = { .l_onoff = 1 };

	if (reset)
		(void)setsockopt(j->side[which].fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	loop_close(j->all->all->loop, &j->side[which]);
}

static void joint_recycle(struct joint *j)
{
	j->next = j->all->unused;
	j->all->unused = j;
}

static void joint_close(struct joint *j, bool reset)
{
	struct tcpfwd *t = j->all;

	for (int i = 0; i < 2; i++) {
		side_close(j, i, reset);
		pipe_put(t, &j->flow[i]);
		free_auto(&j->flow[i].held);
	}
	t->live--;
	j->is_dead = true;
	if (!j->is_busy)
		joint_recycle(j);
	portfwd_resume(t->all);
}

static void joint_busy(struct joint *j)
{
	if (j->is_busy)
		return;
	j->is_busy = true;
	j->next = j->all->busy;
	j->all->busy = j;
}

/* --- moving bytes --- */

enum moved {
	MOVED,
	SHORT,				/* moved, and there was no more just now */
	EMPTY,				/* there was nothing */
	BLOCKED,			/* the receiver takes no more */
	ENDED,
	BROKEN,
};

static enum moved flush(struct flow *f, int to)
{
	while (f->held_len) {
		ssize_t n = send(to, f->held, f->held_len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0)
			return errno == EAGAIN ? BLOCKED : BROKEN;
		f->held_len -= (uint32_t)n;
		memmove(f->held, f->held + n, f->held_len);
		if (!f->held_len) {
			free_auto(&f->held);
		}
	}
	while (f->in_pipe) {
		ssize_t n = splice(f->pipe.out, NULL, to, NULL, f->in_pipe,
				   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (n <= 0)
			return n < 0 && errno == EAGAIN ? BLOCKED : BROKEN;
		f->in_pipe -= (uint32_t)n;
	}
	return MOVED;
}

static enum moved keep(struct flow *f, const uint8_t *data, size_t len)
{
	f->held = malloc(len);
	if (!f->held)
		return BROKEN;
	memcpy(f->held, data, len);
	f->held_len = (uint32_t)len;
	return BLOCKED;
}

static enum moved copy(struct tcpfwd *t, struct flow *f, int from, int to)
{
	ssize_t n = recv(from, t->chunk, CHUNK, MSG_DONTWAIT);
	ssize_t m;

	if (n < 0)
		return errno == EAGAIN ? EMPTY : BROKEN;
	if (n == 0)
		return ENDED;
	m = send(to, t->chunk, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (m < 0 && errno != EAGAIN)
		return BROKEN;
	if (m < n)
		return keep(f, t->chunk + (m < 0 ? 0 : m), (size_t)(n - (m < 0 ? 0 : m)));
	if (n < (ssize_t)CHUNK)
		return SHORT;
	if (!pipe_get(t, &f->pipe))
		f->pipe = (struct pipe){ -1, -1 };
	return MOVED;
}

static enum moved splice_in(struct tcpfwd *t, struct flow *f, int from, int to)
{
	ssize_t n = splice(from, NULL, f->pipe.in, NULL, PIPE_SIZE,
			   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	enum moved m;

	if (n == 0)
		return ENDED;
	if (n < 0)
		return errno == EAGAIN ? EMPTY : BROKEN;
	f->in_pipe = (uint32_t)n;
	m = flush(f, to);
	if (m == MOVED && n < (ssize_t)CALM)
		pipe_put(t, f);
	return m;
}

static enum moved flow_pump(struct joint *j, int from)
{
	struct flow *f = &j->flow[from];
	int in = j->side[from].fd, out = j->side[!from].fd;
	enum moved m = MOVED;

	for (int turn = 0; turn < TURN; turn++) {
		if (f->is_done)
			return EMPTY;
		m = flush(f, out);
		if (m != MOVED)
			return m;
		if (f->is_ended) {
			/* When both are done the sockets are closed anyway. */
			if (!j->flow[!from].is_done)
				(void)shutdown(out, SHUT_WR);
			pipe_put(j->all, f);
			f->is_done = true;
			return EMPTY;
		}
		if (!f->is_readable)
			return EMPTY;
		m = f->pipe.in < 0 ? copy(j->all, f, in, out) :
				     splice_in(j->all, f, in, out);
		if (m == ENDED)
			f->is_ended = true;
		else if (m == BLOCKED || m == BROKEN)
			return m;
		else if (m == EMPTY || (m == SHORT && !f->is_ending))
			f->is_readable = false;
	}
	return MOVED;
}

static void joint_pump(struct joint *j)
{
	for (int i = 0; i < 2; i++) {
		switch (flow_pump(j, i)) {
		case BROKEN:
			joint_close(j, true);
			return;
		case MOVED:
			joint_busy(j);
			break;
		default:
			break;
		}
	}
	if (j->flow[0].is_done && j->flow[1].is_done)
		joint_close(j, false);
}

bool tcpfwd_work(struct tcpfwd *t)
{
	struct joint *j = t->busy;

	t->busy = NULL;
	while (j) {
		struct joint *next = j->next;

		j->is_busy = false;
		if (j->is_dead)
			joint_recycle(j);
		else
			joint_pump(j);
		j = next;
	}
	return t->busy;
}

/* --- connecting --- */

static loop_fn on_client, on_inside;

/* The source that a program inside shall see, if it may be had at all. */
static void bind_source(int fd, const struct joint *j)
{
	const struct net_config *c = j->all->all->config;
	union net_addr a = j->client;
	const struct in6_addr *ip6 = &a.in6.sin6_addr;

	if (j->family == AF_INET) {
		uint16_t port = a.any.sa_family == AF_INET ? a.in.sin_port :
							      a.in6.sin6_port;

		if (a.any.sa_family != AF_INET ||
		    ntohl(a.in.sin_addr.s_addr) >> 24 == 127)
			a.in.sin_addr = c->host4;
		a.in.sin_family = AF_INET;
		a.in.sin_port = port;
	} else if (IN6_IS_ADDR_LOOPBACK(ip6) || IN6_IS_ADDR_LINKLOCAL(ip6)) {
		a.in6.sin6_addr = c->host6;
		a.in6.sin6_scope_id = 0;
	}
	if (bind(fd, &a.any, net_addr_len(&a)) == 0)
		return;
	/* That port is taken by a connection through another one of ours. */
	if (j->family == AF_INET)
		a.in.sin_port = 0;
	else
		a.in6.sin6_port = 0;
	(void)bind(fd, &a.any, net_addr_len(&a));
}

static int connect_inside(struct joint *j, int family)
{
	struct tcpfwd *t = j->all;
	struct err ignored = ERR_INIT;
	union net_addr to;
	bool is_transparent;
	AUTO_FD int fd = sockpool_get(&t->all->pool, family, IPPROTO_TCP, &is_transparent);

	if (fd < 0)
		return fd;
	j->family = (uint8_t)family;
	if (is_transparent)
		bind_source(fd, j);
	portfwd_target(&to, j->listener, family);
	if (connect(fd, &to.any, net_addr_len(&to)) < 0 && errno != EINPROGRESS)
		return -errno;
	j->is_connecting = true;
	if (loop_add(t->all->loop, &j->side[INSIDE], fd,
		     EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, on_inside, &ignored) < 0)
		return -ignored.code;
	(void)take_fd(&fd);
	return 0;
}

static int socket_error(int fd)
{
	int code = 0;
	socklen_t len = sizeof(code);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0 ? errno : code;
}

/* Many programs listen on IPv4 only, while "localhost" of the host is ::1. */
static bool try_other(struct joint *j)
{
	struct listener *l = j->listener;
	int other = j->family == AF_INET6 ? AF_INET : AF_INET6;

	if (j->is_second || l->port.family != AF_INET6 || !l->all->config->has_ip6)
		return false;
	j->is_second = true;
	side_close(j, INSIDE, false);
	return connect_inside(j, other) == 0;
}

static void note(struct flow *f, uint32_t events)
{
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP))
		f->is_readable = true;
	if (events & (EPOLLRDHUP | EPOLLHUP))
		f->is_ending = true;
}

static void on_inside(struct loop_source *s, uint32_t events)
{
	struct joint *j = container_of(s, struct joint, side[INSIDE]);
	int code = events & EPOLLERR ? socket_error(s->fd) : 0;

	if (code) {
		if (!j->is_connecting || !try_other(j))
			joint_close(j, true);
		return;
	}
	note(&j->flow[INSIDE], events);
	if (j->is_connecting) {
		if (!(events & EPOLLOUT))
			return;
		j->is_connecting = false;
		j->listener->skip_ip6 = j->family == AF_INET;
	}
	joint_pump(j);
}

static void on_client(struct loop_source *s, uint32_t events)
{
	struct joint *j = container_of(s, struct joint, side[CLIENT]);

	if (events & EPOLLERR && socket_error(s->fd)) {
		joint_close(j, true);
		return;
	}
	note(&j->flow[CLIENT], events);
	if (!j->is_connecting)
		joint_pump(j);
}

/* --- accepting --- */

static int join(struct tcpfwd *t, struct listener *l, int *client,
		const union net_addr *from)
{
	struct err ignored = ERR_INIT;
	struct joint *j = joint_new(t);
	int r;

	if (!j)
		return -EMFILE;
	j->listener = l;
	j->client = *from;
	r = connect_inside(j, portfwd_family(l));
	if (r == 0 && loop_add(t->all->loop, &j->side[CLIENT], *client,
			       EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
			       on_client, &ignored) < 0)
		r = -ignored.code;
	if (r < 0) {
		joint_close(j, true);
		return r;
	}
	(void)take_fd(client);
	return 0;
}

static void reset(int *fd)
{
	static const struct linger now = { .l_onoff = 1 };

	(void)setsockopt(*fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	fd_auto(fd);
}

void tcpfwd_accept(struct loop_source *s, uint32_t events)
{
	struct listener *l = container_of(s, struct listener, src);
	struct tcpfwd *t = l->all->tcp;

	(void)events;
	for (int i = 0; i < ACCEPTS; i++) {
		union net_addr from;
		socklen_t len = sizeof(from);
		int fd;

		/* Better in the backlog than accepted and without a socket. */
		if (t->live >= t->max ||
		    !sockpool_ready(&l->all->pool, portfwd_family(l), IPPROTO_TCP)) {
			portfwd_pause(l);
			return;
		}
		fd = accept4(l->fd, &from.any, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE ||
			    errno == ENOMEM || errno == ENOBUFS)
				portfwd_pause(l);
			return;
		}
		if (join(t, l, &fd, &from) < 0)
			reset(&fd);
	}
}
