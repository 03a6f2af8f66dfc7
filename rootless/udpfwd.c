/* How it works
 *
 * A talk is one client of one port: a connected socket inside the container's
 * namespace.  Talks are found by a hash of the client's address, kept in order
 * of use, and end after a time of silence or when a newer one needs the room.
 * Datagrams go in batches both ways; what a full socket does not take is lost,
 * as UDP may.
 */
#include "rootless/portfwd_int.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"

#define MAX_TALKS	1024
#define BUCKETS		256
#define SILENCE_NS	(60 * NS_PER_S)
#define BATCH		32
#define DATAGRAM	KIB(64)
#define CONTROL		64		/* one in6_pktinfo */
#define BUFFER		MIB(4)		/* of sockets, as far as allowed */

struct talk {
	struct loop_source src;
	struct listener *listener;
	struct talk *next_hash;
	struct talk *newer;
	struct talk *older;
	uint64_t used_ns;
	uint32_t bucket;
	uint32_t control_len;		/* 0: the listener has one address */
	union net_addr client;
	char control[CONTROL];		/* our address, to answer from */
};

struct udpfwd {
	struct portfwd *all;
	struct talk *talks;
	struct talk *unused;		/* by next_hash */
	struct talk *newest;
	struct talk *oldest;
	unsigned touched;
	struct talk *bucket[BUCKETS];
	uint8_t *data;			/* BATCH datagrams */
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	union net_addr from[BATCH];
	union {
		char bytes[CONTROL];
		struct cmsghdr align;
	} control[BATCH];
};

int udpfwd_new(struct udpfwd **out, struct portfwd *all, struct err *e)
{
	size_t size = BATCH * DATAGRAM + MAX_TALKS * sizeof(struct talk);
	struct udpfwd *u = mem_new(struct udpfwd);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	static const int buffer = (int)BUFFER;

	if (p == MAP_FAILED) {
		free_auto(&u);
		return err_sys(e, "memory for datagrams");
	}
	u->all = all;
	u->data = p;
	u->talks = (void *)(u->data + BATCH * DATAGRAM);
	for (uint32_t i = 0; i < all->count; i++)
		if (all->listeners[i].port.proto == IPPROTO_UDP)
			(void)setsockopt(all->listeners[i].fd, SOL_SOCKET,
					 SO_RCVBUF, &buffer, sizeof(buffer));
	*out = u;
	return 0;
}

/* --- talks --- */

static uint32_t hash(const struct listener *l, const union net_addr *a)
{
	const uint8_t *p = a->any.sa_family == AF_INET6 ?
			   (const void *)&a->in6.sin6_addr :
			   (const void *)&a->in.sin_addr;
	size_t len = a->any.sa_family == AF_INET6 ? 16 : 4;
	uint32_t h = 2166136261u ^ l->port.host_port;

	h = (h ^ (a->in.sin_port & 0xff)) * 16777619u;	/* same place in in6 */
	h = (h ^ (a->in.sin_port >> 8)) * 16777619u;
	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 16777619u;
	return (h ^ h >> 16) % BUCKETS;
}

static void unlink_age(struct udpfwd *u, struct talk *t)
{
	*(t->newer ? &t->newer->older : &u->newest) = t->older;
	*(t->older ? &t->older->newer : &u->oldest) = t->newer;
}

static void link_newest(struct udpfwd *u, struct talk *t)
{
	t->newer = NULL;
	t->older = u->newest;
	*(u->newest ? &u->newest->newer : &u->oldest) = t;
	u->newest = t;
}

static void talk_used(struct udpfwd *u, struct talk *t)
{
	t->used_ns = clock_mono_ns();
	if (u->newest == t)
		return;
	unlink_age(u, t);
	link_newest(u, t);
}

static void talk_end(struct udpfwd *u, struct talk *t)
{
	struct talk **p = &u->bucket[t->bucket];

	while (*p != t)
		p = &(*p)->next_hash;
	*p = t->next_hash;
	unlink_age(u, t);
	loop_close(u->all->loop, &t->src);
	t->next_hash = u->unused;
	u->unused = t;
}

static struct talk *talk_find(struct udpfwd *u, struct listener *l,
			      const union net_addr *from, uint32_t bucket)
{
	struct talk *t = u->bucket[bucket];

	while (t && (t->listener != l || !net_addr_is_same(&t->client, from)))
		t = t->next_hash;
	return t;
}

static loop_fn on_inside;

static int connect_inside(struct udpfwd *u, struct listener *l)
{
	static const int buffer = (int)BUFFER;
	int family = portfwd_family(l);
	union net_addr to;
	bool ignored;
	AUTO_FD int fd = sockpool_get(&u->all->pool, family, IPPROTO_UDP, &ignored);

	if (fd < 0)
		return fd;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	portfwd_target(&to, l, family);
	if (connect(fd, &to.any, net_addr_len(&to)) < 0)
		return -errno;
	return take_fd(&fd);
}

static struct talk *talk_begin(struct udpfwd *u, struct listener *l,
			       const union net_addr *from, uint32_t bucket)
{
	struct err ignored = ERR_INIT;
	AUTO_FD int fd = connect_inside(u, l);
	struct talk *t;

	if (fd < 0)
		return NULL;
	if (!u->unused && u->touched == MAX_TALKS)
		talk_end(u, u->oldest);
	t = u->unused;
	if (t)
		u->unused = t->next_hash;
	else
		t = &u->talks[u->touched++];
	*t = (struct talk){ .listener = l, .client = *from, .bucket = bucket };
	if (loop_add(u->all->loop, &t->src, fd, EPOLLIN, on_inside, &ignored) < 0) {
		t->next_hash = u->unused;
		u->unused = t;
		return NULL;
	}
	(void)take_fd(&fd);
	t->next_hash = u->bucket[bucket];
	u->bucket[bucket] = t;
	t->used_ns = clock_mono_ns();
	link_newest(u, t);
	return t;
}

/* --- datagrams --- */

static int receive(struct udpfwd *u, int fd, bool with_names)
{
	for (size_t i = 0; i < BATCH; i++) {
		u->iov[i] = (struct iovec){ u->data + i * DATAGRAM, DATAGRAM };
		u->msg[i].msg_hdr = (struct msghdr){
			.msg_name = with_names ? &u->from[i] : NULL,
			.msg_namelen = with_names ? sizeof(u->from[i]) : 0,
			.msg_iov = &u->iov[i],
			.msg_iovlen = 1,
			.msg_control = with_names ? u->control[i].bytes : NULL,
			.msg_controllen = with_names ? CONTROL : 0,
		};
	}
	return recvmmsg(fd, u->msg, BATCH, MSG_DONTWAIT, NULL);
}

/* Sends msg[from, to); an error of one datagram must not stop the others. */
static void transmit(struct udpfwd *u, int fd, int from, int to)
{
	for (int tries = 0; from < to && tries < BATCH; tries++) {
		int n = sendmmsg(fd, u->msg + from, (unsigned)(to - from),
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			return;
		/* The error may be that of an earlier one: tried once more. */
		from += n > 0 ? n : tries & 1;
	}
}

/* Turns what recvmsg said about our address into what sendmsg wants. */
static void remember_local(struct talk *t, struct msghdr *m)
{
	struct cmsghdr *c = m->msg_controllen ? CMSG_FIRSTHDR(m) : NULL;

	t->control_len = 0;
	if (!c)
		return;
	if (c->cmsg_level == SOL_IP && c->cmsg_type == IP_PKTINFO) {
		struct in_pktinfo *i = (void *)CMSG_DATA(c);

		i->ipi_ifindex = 0;
		i->ipi_spec_dst = i->ipi_addr;
	} else if (c->cmsg_level != SOL_IPV6 || c->cmsg_type != IPV6_PKTINFO) {
		return;
	}
	t->control_len = (uint32_t)m->msg_controllen;
	memcpy(t->control, m->msg_control, m->msg_controllen);
}

static struct talk *talk_of(struct udpfwd *u, struct listener *l, int i)
{
	uint32_t bucket = hash(l, &u->from[i]);
	struct talk *t = talk_find(u, l, &u->from[i], bucket);

	if (!t)
		t = talk_begin(u, l, &u->from[i], bucket);
	if (t)
		remember_local(t, &u->msg[i].msg_hdr);
	return t;
}

void udpfwd_receive(struct loop_source *s, uint32_t events)
{
	struct listener *l = container_of(s, struct listener, src);
	struct udpfwd *u = l->all->udp;
	int n, begin = 0;

	(void)events;
	/* Until there is a socket to send from, they wait in the kernel. */
	if (!sockpool_ready(&u->all->pool, portfwd_family(l), IPPROTO_UDP)) {
		portfwd_pause(l);
		return;
	}
	n = receive(u, l->fd, true);
	while (begin < n) {
		struct talk *t = talk_of(u, l, begin);
		int end = begin;

		/* A run of datagrams of one client is sent at once. */
		do {
			struct msghdr *m = &u->msg[end].msg_hdr;

			u->iov[end].iov_len = u->msg[end].msg_len;
			m->msg_name = NULL;
			m->msg_namelen = 0;
			m->msg_control = NULL;
			m->msg_controllen = 0;
			end++;
		} while (end < n && net_addr_is_same(&u->from[begin], &u->from[end]));
		if (t) {
			transmit(u, t->src.fd, begin, end);
			talk_used(u, t);
		}
		begin = end;
	}
}

static void on_inside(struct loop_source *s, uint32_t events)
{
	struct talk *t = container_of(s, struct talk, src);
	struct udpfwd *u = t->listener->all->udp;
	int n = receive(u, s->fd, false);

	(void)events;
	if (n < 0 && errno == ECONNREFUSED && t->listener->port.family == AF_INET6) {
		/* The client's next try goes to the other family. */
		t->listener->skip_ip6 = !t->listener->skip_ip6;
		talk_end(u, t);
		return;
	}
	/* Nobody listens inside yet; the error is cleared by being read. */
	if (n <= 0)
		return;
	for (int i = 0; i < n; i++) {
		struct msghdr *m = &u->msg[i].msg_hdr;

		u->iov[i].iov_len = u->msg[i].msg_len;
		m->msg_name = &t->client;
		m->msg_namelen = net_addr_len(&t->client);
		m->msg_control = t->control_len ? t->control : NULL;
		m->msg_controllen = t->control_len;
	}
	transmit(u, t->listener->fd, 0, n);
	talk_used(u, t);
}

int udpfwd_work(struct udpfwd *u)
{
	uint64_t now;

	if (!u->oldest)
		return -1;
	now = clock_mono_ns();
	while (u->oldest && now - u->oldest->used_ns >= SILENCE_NS)
		talk_end(u, u->oldest);
	if (!u->oldest) {
		/* Nobody talks: the batch's pages go back. */
		(void)madvise(u->data, BATCH * DATAGRAM, MADV_DONTNEED);
		return -1;
	}
	return (int)((SILENCE_NS - (now - u->oldest->used_ns)) / NS_PER_MS) + 1;
}
