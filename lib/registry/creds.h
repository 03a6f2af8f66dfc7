/* creds.h - which credentials belong to a host, from the user's files.
 *
 * Sources are asked in order; the first that knows the host answers.  Files
 * are docker's config.json and podman's auth.json, parsed by the caller;
 * helpers that they name are run.
 *
 * Ownership: struct registry_creds owns its members; secrets are wiped.
 * Errors: -ENOENT nobody knows the host (be anonymous); those of
 * lib/plugin/credential.h.
 */
#pragma once

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/secret.h"

struct registry_creds {
	char *user;			/* NULL with a token */
	struct secret password;
	struct secret identity_token;	/* OAuth2 refresh token */
	struct secret registry_token;	/* a bearer token as it is */
};

#define REGISTRY_CREDS_INIT { .user = NULL }

void registry_creds_clear(struct registry_creds *c);

static inline void registry_creds_auto(struct registry_creds *c)
{
	registry_creds_clear(c);
}

/* host: as references have it, "docker.io", "localhost:5000"; repo: path below
 * it. */
typedef int registry_creds_fn(struct registry_creds *out, const char *host,
			      const char *repo, void *arg, struct err *e);

struct authfile;

struct creds_files {
	const struct authfile *const *files;	/* the first has priority */
	size_t count;
	char *const *env;			/* of helpers; NULL: ours */
	unsigned helper_timeout_ms;		/* 0: 30 s */
};

/* A registry_creds_fn whose arg is a const struct creds_files. */
int creds_from_files(struct registry_creds *out, const char *host,
		     const char *repo, void *files, struct err *e) MUST_CHECK;
