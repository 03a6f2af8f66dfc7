/* slirp.h - libslirp between a link and the host's sockets.
 *
 * Frames from the container are judged (rootless/frame.h) before libslirp
 * sees them; router advertisements of libslirp never reach the container;
 * TFTP, DHCP and protocol emulation are off.
 *
 * libslirp counts its descriptors anew for every wait, so this module owns the
 * waiting: slirp_serve() runs the loop of the whole helper.
 */
#pragma once

#include "lib/base/err.h"
#include "lib/base/loop.h"
#include "rootless/net.h"

struct slirp_link;
struct portfwd;

int slirp_link_new(struct slirp_link **out, const struct net_config *c,
		   struct loop *l, int link_fd, struct err *e) MUST_CHECK;

/* Rounds until the loop is told to stop. */
int slirp_serve(struct slirp_link *s, struct portfwd *ports, struct err *e) MUST_CHECK;

/* Does this libslirp have the fix of CVE-2026-9539 (4.9.2)? */
bool slirp_is_recent(void);
