#include "rootless/net.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/fd.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"
#include "rootless/netns.h"

#define MTU 65520	/* the most that libslirp takes */

struct net_config *net_config_new(size_t port_count)
{
	static const uint8_t prefix6[16] = { 0xfd };
	size_t size = sizeof(struct net_config) +
		      port_count * sizeof(struct net_port);
	struct net_config *c = mem_zero(1, size);

	c->version = NET_VERSION;
	c->size = (uint32_t)size;
	c->mtu = MTU;
	c->host4.s_addr = htonl(0x0a000202);
	c->dns4.s_addr = htonl(0x0a000203);
	c->guest4.s_addr = htonl(0x0a000264);
	c->prefix4 = 24;
	memcpy(&c->host6, prefix6, sizeof(prefix6));
	c->dns6 = c->guest6 = c->host6;
	c->host6.s6_addr[15] = 0x02;
	c->dns6.s6_addr[15] = 0x03;
	c->guest6.s6_addr[14] = 0x01;
	c->prefix6 = 64;
	c->has_ip6 = true;
	c->port_count = (uint32_t)port_count;
	return c;
}

void net_tap_config(struct tap_config *out, const struct net_config *c)
{
	*out = (struct tap_config){
		.tun_path = "/dev/net/tun",
		.name = NET_IFNAME,
		.mtu = c->mtu,
		.addr4 = c->guest4,
		.gateway4 = c->host4,
		.prefix4 = c->prefix4,
		.has_ip6 = c->has_ip6,
		.addr6 = c->guest6,
		.gateway6 = c->host6,
		.prefix6 = c->prefix6,
	};
}

void net_port_print(const struct net_port *p, char out[static NET_PORT_TEXT_MAX])
{
	char ip[INET6_ADDRSTRLEN] = "?";
	bool is_ip6 = p->family == AF_INET6;

	(void)!inet_ntop(p->family, p->host_ip, ip, sizeof(ip));
	snprintf(out, NET_PORT_TEXT_MAX, "%s%s%s:%u/%s", is_ip6 ? "[" : "", ip,
		 is_ip6 ? "]" : "", p->host_port,
		 p->proto == IPPROTO_UDP ? "udp" : "tcp");
}

void net_helper_auto(struct net_helper *h)
{
	proc_auto(&h->net);
	proc_auto(&h->maker);
	fd_auto(&h->sock);
}

/* A bare fork: the maker runs on in our program and allocates nothing. */
static int fork_maker(struct proc *out, int sock, int init_pidfd, struct err *e)
{
	pid_t pid = fork();

	if (pid < 0)
		return err_sys(e, "fork the socket maker");
	if (pid == 0)
		_exit(netns_socket_maker(init_pidfd, sock));
	out->pid = pid;
	out->pidfd = proc_pidfd_open(pid);
	return 0;
}

int net_spawn(struct net_helper *out, const char *path,
	      const struct net_config *c, int tap_fd, int init_pidfd,
	      struct err *e)
{
	AUTO(net_helper) struct net_helper h = NET_HELPER_INIT;
	AUTO(fd_pair) struct fd_pair sock = FD_PAIR_INIT;
	AUTO(fd_pair) struct fd_pair maker = FD_PAIR_INIT;
	char *argv[] = { (char *)"coracle-net", NULL };
	char *env[] = { (char *)"MALLOC_ARENA_MAX=1", NULL };
	struct proc_fd map = { .to = NET_SOCK_FD };
	struct proc_spec spec = {
		.path = path,
		.argv = argv,
		.env = env,
		.fds = &map,
		.fd_count = 1,
		.new_session = true,
	};
	int fds[] = { tap_fd, init_pidfd, -1 };
	ssize_t n;
	int r;

	r = fd_socketpair(&sock, SOCK_SEQPACKET, e);
	if (r < 0)
		return err_ctx(e, r, "network");
	map.from = sock.b;
	r = proc_spawn(&h.net, &spec, e);
	if (r < 0)
		return err_ctx(e, r, "network");
	if (c->port_count) {
		r = fd_socketpair(&maker, SOCK_SEQPACKET, e);
		if (r == 0)
			r = fork_maker(&h.maker, maker.b, init_pidfd, e);
		if (r < 0)
			return err_ctx(e, r, "network");
		fds[2] = maker.a;
	}
	n = fd_send(sock.a, c, c->size, fds, c->port_count ? 3 : 2, 0, e);
	if (n < 0)
		return err_ctx(e, (int)n, "network");
	h.sock = take_fd(&sock.a);
	*out = h;
	h = (struct net_helper)NET_HELPER_INIT;
	return 0;
}

static int explain(const struct net_config *c, struct net_answer *a,
		   struct err *e)
{
	char text[NET_PORT_TEXT_MAX];
	int code = (int)a->code;
	int r;

	if (a->port >= c->port_count) {
		a->what[sizeof(a->what) - 1] = '\0';
		return err_set(e, code, "network: %s", a->what);
	}
	net_port_print(&c->ports[a->port], text);
	r = err_set(e, code, "port %s: %s", text, str_errno(code));
	if (code == EACCES && c->ports[a->port].host_port < 1024)
		err_hint(e, r, "net.low_port");
	else if (code == EADDRINUSE)
		err_hint(e, r, "net.port_in_use");
	return r;
}

int net_wait_ready(struct net_helper *h, struct net_config *c,
		   uint32_t *flags, int timeout_ms, struct err *e)
{
	struct pollfd p = { .fd = h->sock, .events = POLLIN };
	struct net_answer a;
	ssize_t n;
	int r;

	do
		r = poll(&p, 1, timeout_ms);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_sys(e, "network: wait");
	if (r == 0)
		return err_set(e, ETIMEDOUT, "network: no answer from coracle-net");
	n = fd_recv(h->sock, &a, sizeof(a), NULL, NULL, 0, e);
	if (n < 0)
		return err_ctx(e, (int)n, "network");
	if (n == 0)
		return err_set(e, EPIPE, "network: coracle-net died at its start");
	if ((size_t)n < offsetof(struct net_answer, host_ports) ||
	    a.version != NET_VERSION || a.port_count > MAX_PORTS ||
	    (size_t)n != offsetof(struct net_answer, host_ports) +
				 a.port_count * sizeof(a.host_ports[0]))
		return err_set(e, EPROTO, "network: bad answer from coracle-net");
	if (a.code)
		return explain(c, &a, e);
	if (a.port_count != c->port_count)
		return err_set(e, EPROTO, "network: bad answer from coracle-net");
	for (uint32_t i = 0; i < a.port_count; i++)
		c->ports[i].host_port = a.host_ports[i];
	*flags = a.flags;
	return 0;
}
