/* frame.h - which frames of a container may reach libslirp.
 *
 * libslirp maps some addresses to the host's own loopback and answers some
 * protocols nobody asked for.  We own the loop in front of it, so what must
 * not happen is decided here, on the bytes, and not by libslirp's options:
 *
 *	ARP					passes
 *	IPv4, IPv6 other than below		passes, TCP without its urgent
 *						data (CVE-2026-9539)
 *	this network's own addresses		only DNS at the name server,
 *						echo; anything at the gateway
 *						when the host is allowed
 *	127/8, 0/8, multicast, broadcast,	dropped
 *	::/96, ::ffff:0:0/96, fe80::/10, ff00::/8
 *	fragments of TCP, extension headers,	dropped
 *	router solicitations, other protocols
 *
 * TCP that is not let through is refused, not dropped, so that a program is
 * told at once.  Pure: no state, no system call.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frame_verdict { FRAME_DROP, FRAME_PASS, FRAME_REFUSE };

struct frame_policy {
	struct in_addr host4;
	struct in_addr dns4;
	struct in_addr mask4;
	struct in6_addr host6;
	struct in6_addr dns6;
	uint8_t prefix6;
	bool has_ip6;
	bool has_dns;
	bool host_loopback;
};

/* Judges a frame from the container, and clears the urgent flag in it. */
enum frame_verdict frame_judge(uint8_t *frame, size_t len,
			       const struct frame_policy *p);

/* The answer to a refused frame: a TCP reset.  Its length. */
#define FRAME_RESET_MAX 74
size_t frame_reset(uint8_t out[static FRAME_RESET_MAX], const uint8_t *frame);

/* Is this frame, from libslirp, a router advertisement?  Addresses are ours to
 * give, not the container's to make up. */
bool frame_is_router_advert(const uint8_t *frame, size_t len);
