/* portfwd_int.h - what portfwd.c, tcpfwd.c and udpfwd.c share. */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "rootless/portfwd.h"
#include "rootless/sockpool.h"

union net_addr {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct listener {
	struct loop_source src;
	struct portfwd *all;
	struct net_port port;		/* host_port is the actual one */
	int fd;
	bool is_paused;
	bool skip_ip6;			/* inside, IPv4 answered and IPv6 not */
};

struct tcpfwd;
struct udpfwd;

struct portfwd {
	const struct net_config *config;
	struct loop *loop;
	struct sockpool pool;
	struct tcpfwd *tcp;		/* NULL: no such port */
	struct udpfwd *udp;
	uint32_t count;
	bool any_paused;
	struct listener listeners[];
};

#define container_of(p, type, member) \
	((type *)(void *)((char *)(p) - offsetof(type, member)))

socklen_t net_addr_len(const union net_addr *a);
bool net_addr_is_same(const union net_addr *a, const union net_addr *b);

/* The family to try first inside. */
int portfwd_family(const struct listener *l);

/* Where a port leads inside, by the family of the socket to use. */
void portfwd_target(union net_addr *out, const struct listener *l, int family);

/* No more from this listener, until portfwd_resume(). */
void portfwd_pause(struct listener *l);
void portfwd_resume(struct portfwd *p);

int tcpfwd_new(struct tcpfwd **out, struct portfwd *all, uint64_t max_fds,
	       struct err *e) MUST_CHECK;
loop_fn tcpfwd_accept;			/* of a listener's source */
bool tcpfwd_work(struct tcpfwd *t);	/* true: there is more to do at once */

int udpfwd_new(struct udpfwd **out, struct portfwd *all, struct err *e) MUST_CHECK;
loop_fn udpfwd_receive;			/* of a listener's source */
int udpfwd_work(struct udpfwd *u);	/* ms until the next, or -1 */
