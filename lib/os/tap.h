/* tap.h - the link between a network namespace and its user-mode network.
 *
 * tap_setup() makes and configures a link in the *current* network namespace
 * and gives a descriptor through which frames go in and out:
 *
 *	TAP_TUN		a tap device: read() and write() of one frame each
 *	TAP_PACKET	without /dev/net/tun: a veth pair whose far end is bound
 *			to an AF_PACKET socket; recv() and send() of one frame
 *
 * lo is raised too.  It may be called between clone and exec: no allocation,
 * no stdio, raw system calls; a failure is told by a step and an errno, and
 * words are made by tap_step_text() in the parent.
 *
 * /dev/net/tun is opened by path, since a tun descriptor belongs to the
 * network namespace in which it was opened.
 *
 * Ownership: the descriptor is the caller's (close-on-exec, non-blocking).
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/cleanup.h"

#define TAP_NAME_MAX 16			/* IFNAMSIZ */

enum tap_kind { TAP_TUN = 1, TAP_PACKET };

/* Which of them may be used; both: packet when there is no tun. */
enum tap_allow { TAP_ALLOW_ANY, TAP_ALLOW_TUN, TAP_ALLOW_PACKET };

enum tap_step {
	TAP_STEP_NETLINK,
	TAP_STEP_LO,
	TAP_STEP_OPEN,
	TAP_STEP_CREATE,
	TAP_STEP_PACKET,
	TAP_STEP_OFFLOAD,
	TAP_STEP_UP,
	TAP_STEP_ADDR4,
	TAP_STEP_ROUTE4,
	TAP_STEP_ADDR6,
	TAP_STEP_ROUTE6,
	TAP_STEPS,
};

struct tap_config {
	const char *tun_path;		/* "/dev/net/tun" */
	char name[TAP_NAME_MAX];	/* of the link inside */
	enum tap_allow allow;
	uint32_t mtu;
	struct in_addr addr4;
	struct in_addr gateway4;
	uint8_t prefix4;
	uint8_t prefix6;
	bool has_ip6;
	struct in6_addr addr6;
	struct in6_addr gateway6;
};

struct tap {
	int fd;
	enum tap_kind kind;
};

/* 0, or -errno with *failed saying where. */
int tap_setup(struct tap *out, const struct tap_config *c,
	      enum tap_step *failed) MUST_CHECK;

/* "open /dev/net/tun", "add the IPv4 address", ... */
const char *tap_step_text(enum tap_step step);
