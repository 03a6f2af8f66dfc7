/* port.h - published and exposed ports.
 *
 * -p [ip:][hostPort[-end]:]ctrPort[-end][/tcp|udp], an IPv6 address stands in
 * brackets.  A range becomes one struct port for each of its ports.
 *
 * Ownership: struct ports owns its array.  Errors: -EINVAL names the text;
 * -E2BIG more than MAX_PORTS.  Nothing is added when parsing fails.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

#define PORT_IP_MAX 46			/* INET6_ADDRSTRLEN */

enum port_proto { PORT_TCP, PORT_UDP };

struct port {
	char ip[PORT_IP_MAX];		/* without brackets; "": any address */
	uint16_t host;			/* 0: choose one; unused by EXPOSE */
	uint16_t ctr;			/* never 0 */
	enum port_proto proto;
};

struct ports {
	struct port *at;
	size_t len;
};

#define PORTS_INIT { .at = NULL }

void ports_clear(struct ports *p);
void ports_add(struct ports *p, const struct port *one);

/* An argument of -p: appends. */
int port_parse(struct ports *out, const char *text, struct err *e) MUST_CHECK;

/* An argument of --expose or EXPOSE, "80", "80/tcp", "80-90/udp": appends. */
int port_parse_expose(struct ports *out, const char *text,
		      struct err *e) MUST_CHECK;

const char *port_proto_name(enum port_proto proto);	/* "tcp" */

/* As -p reads it: "127.0.0.1:8080:80/tcp", "[::1]::80/udp", "80/tcp". */
void port_print(const struct port *p, struct buf *b);

/* As ps shows a container's ports: "0.0.0.0:8080-8081->80-81/tcp, 9000/udp"
 * with neighbours joined.  A port with host 0 is only exposed. */
void ports_print(const struct ports *p, struct buf *b);

static inline void ports_auto(struct ports *p)
{
	ports_clear(p);
}
