/* addr.h - what kind of place a network address is, and which hosts go
 * through a proxy.
 *
 * A registry may send us elsewhere (redirects, token services).  It must not
 * be able to point us at services that only this machine or this link can
 * reach; the class of the connected address decides that, so names that
 * resolve to different addresses each time do not help.
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

enum addr_class {
	ADDR_ORDINARY,		/* public and private networks */
	ADDR_LOOPBACK,		/* 127/8, ::1, and 0/8 which Linux takes so */
	ADDR_LINK_LOCAL,	/* 169.254/16 (cloud metadata), fe80::/10 */
	ADDR_NOWHERE,		/* multicast, broadcast, other families */
};

enum addr_class addr_class_of(const struct sockaddr *sa);

/* Of a numeric host, "127.0.0.1", "::1" or "[::1]"; false when it is a name. */
bool addr_class_of_text(const char *host, enum addr_class *out);

/* localhost and the addresses of class loopback. */
bool addr_is_loopback_host(const char *host);

/* Does the comma separated list say that host needs no proxy?  Entries: "*",
 * a domain with or without leading dot (its subdomains too), an address, a
 * network in CIDR form; each domain or address may end in ":port". */
bool addr_in_no_proxy(const char *list, const char *host, unsigned port);
