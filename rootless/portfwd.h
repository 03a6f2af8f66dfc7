/* portfwd.h - published ports: what a host's port receives reaches the
 * container, and what it answers comes back.
 *
 * TCP: the client's connection and a connection inside the container's
 * namespace are joined.  Small messages are copied through one buffer; a
 * direction that fills the buffer gets a pipe and is spliced until it calms
 * down.  A direction ends on its own (half-close); a reset passes on; a
 * receiver that does not read stops the sender.
 *
 * UDP: each client gets a socket inside the namespace, for as long as there is
 * traffic.
 *
 * The client's address is kept where the socket maker could arrange it (TCP);
 * a client on the host's loopback is shown as the gateway; else connections
 * come from the container's own address.  None ever comes from loopback.
 */
#pragma once

#include "lib/base/err.h"
#include "lib/base/loop.h"
#include "rootless/net.h"

struct portfwd;

/* Binds every port.  On failure *bad is the port's index, or port_count. */
int portfwd_new(struct portfwd **out, const struct net_config *c,
		uint32_t *bad, struct err *e) MUST_CHECK;

/* The ports' actual numbers, one for each of the configuration. */
void portfwd_ports(const struct portfwd *p, uint16_t *out);

/* Starts to serve. max_fds bounds the connections. */
int portfwd_start(struct portfwd *p, struct loop *l, int maker_fd,
		  uint64_t max_fds, struct err *e) MUST_CHECK;

/* What is left over from the last round.  Returns how long the loop may wait
 * (ms, -1 for ever).  NULL is fine. */
int portfwd_work(struct portfwd *p);
