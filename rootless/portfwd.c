#include "rootless/portfwd.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>

#include "lib/base/mem.h"
#include "rootless/portfwd_int.h"

#define BACKLOG	4096

socklen_t net_addr_len(const union net_addr *a)
{
	return a->any.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in);
}

bool net_addr_is_same(const union net_addr *a, const union net_addr *b)
{
	if (a->any.sa_family != b->any.sa_family)
		return false;
	if (a->any.sa_family == AF_INET)
		return a->in.sin_port == b->in.sin_port &&
		       a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
	return a->in6.sin6_port == b->in6.sin6_port &&
	       a->in6.sin6_scope_id == b->in6.sin6_scope_id &&
	       !memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, 16);
}

void portfwd_target(union net_addr *out, const struct listener *l, int family)
{
	const struct net_config *c = l->all->config;

	memset(out, 0, sizeof(*out));
	out->any.sa_family = (sa_family_t)family;
	if (family == AF_INET6) {
		out->in6.sin6_addr = c->guest6;
		out->in6.sin6_port = htons(l->port.guest_port);
	} else {
		out->in.sin_addr = c->guest4;
		out->in.sin_port = htons(l->port.guest_port);
	}
}

int portfwd_family(const struct listener *l)
{
	return l->all->config->has_ip6 && l->port.family == AF_INET6 &&
	       !l->skip_ip6 ? AF_INET6 : AF_INET;
}

static void host_addr(union net_addr *out, const struct net_port *p)
{
	memset(out, 0, sizeof(*out));
	out->any.sa_family = p->family;
	if (p->family == AF_INET6) {
		memcpy(&out->in6.sin6_addr, p->host_ip, 16);
		out->in6.sin6_port = htons(p->host_port);
	} else {
		memcpy(&out->in.sin_addr, p->host_ip, 4);
		out->in.sin_port = htons(p->host_port);
	}
}

static int set_options(int fd, const struct net_port *p)
{
	static const int on = 1;
	static const uint8_t zero[16];
	bool is_ip6 = p->family == AF_INET6;

	if (is_ip6 && setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0)
		return -errno;
	if (p->proto == IPPROTO_TCP) {
		/* Accepted connections inherit these. */
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
		(void)setsockopt(fd, SOL_TCP, TCP_NODELAY, &on, sizeof(on));
	} else if (!memcmp(p->host_ip, zero, sizeof(zero))) {
		/* The answer must come from the address that was asked. */
		(void)(is_ip6 ? setsockopt(fd, SOL_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) :
				setsockopt(fd, SOL_IP, IP_PKTINFO, &on, sizeof(on)));
	}
	return 0;
}

static int bind_port(struct listener *l)
{
	bool is_tcp = l->port.proto == IPPROTO_TCP;
	AUTO_FD int fd = -1;
	union net_addr at;
	socklen_t len = sizeof(at);
	int r;

	fd = socket(l->port.family, (is_tcp ? SOCK_STREAM : SOCK_DGRAM) |
				    SOCK_CLOEXEC | SOCK_NONBLOCK, l->port.proto);
	if (fd < 0)
		return -errno;
	r = set_options(fd, &l->port);
	if (r < 0)
		return r;
	host_addr(&at, &l->port);
	if (bind(fd, &at.any, net_addr_len(&at)) < 0 ||
	    (is_tcp && listen(fd, BACKLOG) < 0) ||
	    getsockname(fd, &at.any, &len) < 0)
		return -errno;
	l->port.host_port = ntohs(l->port.family == AF_INET6 ? at.in6.sin6_port :
							       at.in.sin_port);
	l->fd = take_fd(&fd);
	return 0;
}

static bool is_twin(const struct net_port *a, const struct net_port *b)
{
	return a->proto == b->proto && a->guest_port == b->guest_port &&
	       a->family == AF_INET && b->family == AF_INET6;
}

static bool is_valid(const struct net_port *p)
{
	return (p->family == AF_INET || p->family == AF_INET6) &&
	       (p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP) &&
	       p->guest_port;
}

int portfwd_new(struct portfwd **out, const struct net_config *c,
		uint32_t *bad, struct err *e)
{
	struct portfwd *p = mem_zero(1, sizeof(*p) +
					c->port_count * sizeof(p->listeners[0]));

	*bad = c->port_count;
	p->config = c;
	p->count = c->port_count;
	for (uint32_t i = 0; i < p->count; i++) {
		struct listener *l = &p->listeners[i];
		int r;

		l->all = p;
		l->port = c->ports[i];
		l->src.fd = -1;
		if (!l->port.host_port && i && is_twin(&c->ports[i - 1], &l->port))
			l->port.host_port = l[-1].port.host_port;
		r = is_valid(&l->port) ? bind_port(l) : -EINVAL;
		if (r < 0) {
			*bad = i;
			err_ret(e, r, "port %u", l->port.host_port);
			while (i)
				fd_auto(&p->listeners[--i].fd);
			free_auto(&p);
			return r;
		}
	}
	*out = p;
	return 0;
}

void portfwd_ports(const struct portfwd *p, uint16_t *out)
{
	for (uint32_t i = 0; i < p->count; i++)
		out[i] = p->listeners[i].port.host_port;
}

void portfwd_pause(struct listener *l)
{
	l->is_paused = true;
	l->all->any_paused = true;
	loop_change(l->all->loop, &l->src, 0);
}

void portfwd_resume(struct portfwd *p)
{
	if (!p->any_paused)
		return;
	p->any_paused = false;
	for (uint32_t i = 0; i < p->count; i++) {
		if (!p->listeners[i].is_paused)
			continue;
		p->listeners[i].is_paused = false;
		loop_change(p->loop, &p->listeners[i].src, EPOLLIN);
	}
}

static void on_sockets(void *arg)
{
	portfwd_resume(arg);
}

int portfwd_start(struct portfwd *p, struct loop *l, int maker_fd,
		  uint64_t max_fds, struct err *e)
{
	int r;

	p->loop = l;
	r = sockpool_init(&p->pool, l, maker_fd, on_sockets, p, e);
	for (uint32_t i = 0; r == 0 && i < p->count; i++) {
		struct listener *s = &p->listeners[i];
		bool is_tcp = s->port.proto == IPPROTO_TCP;

		if (is_tcp && !p->tcp)
			r = tcpfwd_new(&p->tcp, p, max_fds, e);
		if (!is_tcp && !p->udp && r == 0)
			r = udpfwd_new(&p->udp, p, e);
		if (r == 0)
			r = loop_add(l, &s->src, s->fd, EPOLLIN,
				     is_tcp ? tcpfwd_accept : udpfwd_receive, e);
		sockpool_prepare(&p->pool, portfwd_family(s), s->port.proto);
	}
	return r;
}

int portfwd_work(struct portfwd *p)
{
	if (!p)
		return -1;
	if (p->tcp && tcpfwd_work(p->tcp))
		return 0;
	return p->udp ? udpfwd_work(p->udp) : -1;
}
