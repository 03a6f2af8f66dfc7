/* credential.h - docker-credential-NAME programs: the user's key chains.
 *
 * Protocol (docker-credential-helpers): one verb as argument, JSON or a bare
 * server address on standard input, JSON on standard output.  NAME is
 * checked to be one plain word before it becomes part of a program name.
 *
 * Ownership: a struct credential owns its strings; the secret is wiped when
 * it is cleared.
 * Errors: -ENOENT the helper has nothing for that server; -ENOPKG there is no
 * such program; -EINVAL bad name; -ETIMEDOUT; -EPROTO the answer is not what
 * the protocol says, or is about another server; -EIO it failed.
 */
#pragma once

#include "lib/base/err.h"
#include "lib/base/secret.h"
#include "lib/base/strv.h"

/* What helpers call the user when the secret is an identity token. */
#define CREDENTIAL_TOKEN_USER "<token>"

struct credential {
	char *user;
	struct secret secret;
};

#define CREDENTIAL_INIT { .user = NULL }

void credential_clear(struct credential *c);

static inline void credential_auto(struct credential *c)
{
	credential_clear(c);
}

struct credential_helper {
	const char *name;	/* "pass": docker-credential-pass */
	char *const *env;	/* NULL: ours */
	unsigned timeout_ms;	/* 0: 30 s, people type passphrases */
};

/* server: as it was stored, "ghcr.io" or "https://index.docker.io/v1/" */
int credential_get(struct credential *out, const struct credential_helper *h,
		   const char *server, struct err *e) MUST_CHECK;
int credential_store(const struct credential_helper *h, const char *server,
		     const struct credential *c, struct err *e) MUST_CHECK;
int credential_erase(const struct credential_helper *h, const char *server,
		     struct err *e) MUST_CHECK;

/* Servers and their users, as "server=user". */
int credential_list(struct strv *out, const struct credential_helper *h,
		    struct err *e) MUST_CHECK;
