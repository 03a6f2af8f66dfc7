/* authhdr.h - the WWW-Authenticate header (RFC 9110 section 11.6.1; the
 * Bearer parameters as registries use them).
 *
 * One header may hold several challenges, and a response several headers:
 * authhdr_add() appends.  Unknown schemes are kept as AUTH_OTHER without
 * parameters, unknown parameters are dropped.  What is here is text from a
 * stranger: whether a realm may be contacted or given a password is decided
 * in lib/registry/auth (RELIABILITY E1).  Bounded: AUTHHDR_MAX challenges,
 * values of at most AUTHHDR_VALUE_MAX bytes, no control characters.
 * Errors: -EBADMSG.
 */
#pragma once

#include <stddef.h>

#include "lib/base/err.h"

#define AUTHHDR_MAX 8
#define AUTHHDR_VALUE_MAX 4096

enum auth_scheme { AUTH_OTHER, AUTH_BASIC, AUTH_BEARER };

struct auth_challenge {
	enum auth_scheme scheme;
	char *realm;			/* each NULL when absent */
	char *service;
	char *scope;
	char *error;			/* "insufficient_scope", "invalid_token" */
};

struct authhdr {
	struct auth_challenge at[AUTHHDR_MAX];
	size_t len;
};

#define AUTHHDR_INIT { .len = 0 }

/* On failure out keeps what it had. */
int authhdr_add(struct authhdr *out, const char *value, struct err *e) MUST_CHECK;

/* The first of this scheme, or NULL. */
const struct auth_challenge *authhdr_find(const struct authhdr *h,
					  enum auth_scheme scheme);
void authhdr_clear(struct authhdr *h);

static inline void authhdr_auto(struct authhdr *h)
{
	authhdr_clear(h);
}
