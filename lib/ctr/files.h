/* files.h - hosts, resolv.conf and hostname of a container: what Coracle
 * writes and binds over the image's files.
 *
 * Host names and addresses are checked when flags are parsed; nothing here
 * writes a line that a value of the image could have broken in two
 * (RELIABILITY D5).
 */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/ctr/config.h"

/* address: the container's own, or NULL; gateway: the host's, or NULL. */
struct ctr_addresses {
	const char *own4;
	const char *own6;
	const char *host;
	const char *dns;
};

/* The usual network's, by kind. */
void ctr_addresses(struct ctr_addresses *out, enum ctr_net net);

int ctr_hosts(struct buf *out, const struct ctr_config *c, const char *hostname,
	      const char *name, const struct ctr_addresses *a, struct err *e) MUST_CHECK;

/* host_text: the host's own resolv.conf. */
void ctr_resolv_conf(struct buf *out, const struct ctr_config *c,
		     const struct ctr_addresses *a, const char *host_text);

/* The text of the host's resolv.conf; an unreadable one is empty. */
void ctr_host_resolv_conf(struct buf *out);
