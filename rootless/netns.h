/* netns.h - the socket maker: sockets of a container's network namespace for
 * somebody who cannot enter it.
 *
 * A child of the shim joins the container's user and network namespaces,
 * keeps two capabilities there (CAP_NET_ADMIN, CAP_NET_RAW), and answers
 * requests on its socket until the other end closes.  It asks for nothing and
 * reads nothing else.
 *
 * IPv4 and IPv6 TCP sockets are made transparent when the namespace lets us:
 * they may be bound to the address of the outside client, and marked packets
 * find their way back to them (ip rule fwmark, tcp_fwmark_accept,
 * fwmark_reflect).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/fd.h"

struct netns_request {
	uint8_t family;			/* AF_INET or AF_INET6 */
	uint8_t proto;			/* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t count;			/* 1 ... FD_SEND_MAX */
	uint8_t pad;
};

struct netns_reply {
	uint8_t family;
	uint8_t proto;
	uint8_t transparent;		/* may take the client's address */
	uint8_t pad;
	int32_t code;			/* 0, or a positive errno and no sockets */
};

/* The whole life of the maker, in a process of its own: returns the exit
 * status.  Only the two descriptors are used. */
int netns_socket_maker(int init_pidfd, int sock_fd);
