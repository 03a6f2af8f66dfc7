/* netlink.h - links, addresses, routes and rules of the current network
 * namespace.
 *
 * Everything here may be called between clone and exec: no allocation, no
 * stdio, no locks, raw system calls only.  A request is built on the stack,
 * sent, and its acknowledgement awaited.
 *
 * Ownership: the socket of netlink_open() is the caller's.
 * Errors: the kernel's negative errno; -EPROTO an answer we do not understand.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/if_link.h>

#include "lib/base/cleanup.h"

int netlink_open(void) MUST_CHECK;		/* a socket, or -errno */

/* The index of a link, or -errno (-ENODEV: no such link). */
int netlink_index(int nl, const char *name) MUST_CHECK;

/* Raises a link.  mtu 0 keeps it as it is. */
int netlink_link_up(int nl, int index, uint32_t mtu) MUST_CHECK;

/* A link that takes part in neither ARP nor IPv6 address generation. */
int netlink_link_mute(int nl, int index) MUST_CHECK;

/* Moves a link, with its addresses gone and down, to the network namespace of
 * a process; name: what it is called there, maybe with %d for a number. */
int netlink_link_move(int nl, int index, pid_t pid, const char *name) MUST_CHECK;

struct netlink_addr {
	uint8_t family;			/* AF_INET or AF_INET6 */
	uint8_t prefix;
	uint8_t bytes[16];
};

/* A link's addresses that are permanent and hold everywhere; their number, or
 * -E2BIG. */
int netlink_get_addrs(int nl, int index, struct netlink_addr *out, size_t max) MUST_CHECK;

int netlink_add_veth(int nl, const char *name, const char *peer) MUST_CHECK;

/* family AF_INET or AF_INET6; addr 4 or 16 bytes.  IPv6 without duplicate
 * address detection, which would make the address useless for a second. */
int netlink_add_addr(int nl, int index, int family, const void *addr,
		     uint8_t prefix) MUST_CHECK;
int netlink_add_default(int nl, int index, int family, const void *gateway) MUST_CHECK;

/* "ip rule add fwmark MARK lookup TABLE" and "ip route add local default dev
 * lo table TABLE": packets with the mark are delivered here, whatever their
 * address.  Existing ones are fine. */
int netlink_add_mark_local(int nl, int family, uint32_t mark, uint8_t table) MUST_CHECK;

/* Opens, raises lo, closes. */
int netlink_lo_up(void) MUST_CHECK;
