/* net.h - the user-mode network of one network namespace: coracle-net, and
 * what the shim does to start it.
 *
 * coracle-net gets one message on descriptor 3 (SOCK_SEQPACKET): a struct
 * net_config with its ports, and NET_FDS descriptors.  It binds the host's
 * side of the ports, confines itself, answers one struct net_answer, and then
 * serves until the container's init ends.  The end of the socket is not the
 * end of the helper: killing the shim leaves the container its network.
 *
 * Published ports do not pass through slirp: the helper accepts on the host's
 * side and splices to sockets of the container's namespace, which a second
 * process, the socket maker, makes inside (rootless/netns.h).
 *
 * Everything here links with libc only; the helper itself is net_main.c.
 *
 * Ownership: struct net_config is one block with its ports, made by
 * net_config_new() and released with free().  struct net_helper belongs to
 * the shim; net_helper_auto() kills both processes.
 * Errors of net_wait_ready: -EADDRINUSE, -EACCES, -EADDRNOTAVAIL with "port
 * 127.0.0.1:80/tcp: ..."; -EPIPE the helper died; -ETIMEDOUT.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/limits.h"
#include "lib/base/proc.h"
#include "lib/os/tap.h"

#define NET_VERSION	1
#define NET_SOCK_FD	3
#define NET_RESOLV_MAX	2048
#define NET_PATH_MAX	512
#define NET_IFNAME	"eth0"

/* One published port.  host_port 0: any free one, told by net_wait_ready; the
 * IPv6 twin that follows an IPv4 port (same protocol, same guest_port) gets the
 * same number. */
struct net_port {
	uint8_t family;			/* of host_ip: AF_INET or AF_INET6 */
	uint8_t proto;			/* IPPROTO_TCP or IPPROTO_UDP */
	uint16_t host_port;		/* host byte order */
	uint16_t guest_port;
	uint16_t pad;
	uint8_t host_ip[16];		/* 4 or 16 bytes; zero: all addresses */
};

struct net_config {
	uint32_t version;		/* NET_VERSION */
	uint32_t size;			/* of the whole, ports included */
	uint32_t link;			/* enum tap_kind */
	uint32_t mtu;
	struct in_addr host4;		/* the gateway; the host, when allowed */
	struct in_addr guest4;
	struct in_addr dns4;
	struct in6_addr host6;
	struct in6_addr guest6;
	struct in6_addr dns6;
	uint8_t prefix4;
	uint8_t prefix6;
	bool has_ip6;
	bool host_loopback;		/* host4 reaches the host's 127.0.0.1 */
	uint32_t port_count;
	char resolv_conf[NET_RESOLV_MAX];	/* upstream; "": no DNS at all */
	struct net_port ports[];
};

/* What confinement could not be had (struct net_answer.flags).  None is an
 * error: the rest of it still holds. */
#define NET_NO_USERNS	(1u << 0)	/* no own namespaces, no empty root */
#define NET_NO_LANDLOCK	(1u << 1)
#define NET_NO_SECCOMP	(1u << 2)
#define NET_OLD_SLIRP	(1u << 3)	/* before 4.9.2: CVE-2026-9539 */

struct net_answer {
	uint32_t version;
	uint32_t code;			/* 0: ready, else a positive errno */
	uint32_t port;			/* of the error; port_count: not a port */
	uint32_t flags;
	uint32_t port_count;
	char what[124];			/* of the error, when not a port */
	uint16_t host_ports[MAX_PORTS];	/* port_count of them are sent */
};

struct net_helper {
	struct proc net;		/* coracle-net */
	struct proc maker;		/* pid -1 when there are no ports */
	int sock;
};

#define NET_HELPER_INIT \
	{ .net = PROC_INIT, .maker = PROC_INIT, .sock = -1 }

/* The usual network (10.0.2.0/24, fd00::/64, MTU 65520, IPv6 on) with room
 * for these ports, which are zero. */
struct net_config *net_config_new(size_t port_count) MUST_CHECK;

/* How the link inside must look for this network. */
void net_tap_config(struct tap_config *out, const struct net_config *c);

/* Starts the program at path, and the socket maker when there are ports.
 * c->link must be set from what tap_setup() said.  init_pidfd: the first
 * process of the container, whose user and network namespaces are used; its
 * link must be up.  Descriptors stay the caller's. */
int net_spawn(struct net_helper *out, const char *path,
	      const struct net_config *c, int tap_fd, int init_pidfd,
	      struct err *e) MUST_CHECK;

/* Reads the answer (sock is readable, or wait up to timeout_ms), writes the
 * actual host ports into c and what is missing (NET_NO_*) into *flags. */
int net_wait_ready(struct net_helper *h, struct net_config *c,
		   uint32_t *flags, int timeout_ms, struct err *e) MUST_CHECK;

void net_helper_auto(struct net_helper *h);	/* kills and reaps */

/* "0.0.0.0:80/tcp", "[::1]:53/udp" */
#define NET_PORT_TEXT_MAX 64
void net_port_print(const struct net_port *p, char out[static NET_PORT_TEXT_MAX]);
