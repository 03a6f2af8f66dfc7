/* token.h - asks a registry's token service.  Internal to lib/registry.
 *
 * GET with Basic for a user and password, POST for an identity token (OAuth2
 * refresh), plain GET for the anonymous (distribution's "Token Authentication
 * Specification").  The answer lands in the grant; requests that wait for it
 * go on, or end with its error.
 */
#pragma once

#include "lib/registry/auth.h"

/* -EACCES, hint registry.realm: we do not ask there. */
int token_check_realm(struct registry *reg, const struct endpoint *ep,
		      const char *realm, struct err *e) MUST_CHECK;

int token_ask(struct registry *reg, struct grant *g, struct err *e) MUST_CHECK;
