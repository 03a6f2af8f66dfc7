/* url.h - URLs as the transport itself reads them.
 *
 * Parsed by libcurl's own parser, so that what was checked is what is
 * connected to: numeric hosts in odd spellings arrive here as plain dotted
 * ones.  Only http and https are URLs; user names in URLs are refused.
 *
 * Ownership: struct url owns its strings.
 * Errors: -EPROTO not such a URL.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

struct url {
	char *text;		/* whole, with query: may hold signatures */
	char *host;		/* lower case; IPv6 in brackets */
	char *path;
	uint16_t port;
	bool is_https;
};

#define URL_INIT { .text = NULL }

void url_clear(struct url *u);

static inline void url_auto(struct url *u)
{
	url_clear(u);
}

int url_parse(struct url *out, const char *text, struct err *e) MUST_CHECK;

/* A Location header relative to where it came from. */
int url_resolve(struct url *out, const struct url *base, const char *location,
		struct err *e) MUST_CHECK;

bool url_is_same_origin(const struct url *a, const struct url *b);

/* "host" or "host:port" as references and certs.d write it: no default port */
char *url_authority(const struct url *u) MUST_CHECK;

/* For people: scheme, host and path only.  The caller frees. */
char *url_public(const struct url *u) MUST_CHECK;

/* Appends ?name=value or &name=value, escaped. */
int url_add_query(struct url *u, const char *name, const char *value,
		  struct err *e) MUST_CHECK;
