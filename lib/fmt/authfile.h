/* authfile.h - credentials as docker's config.json and podman's auth.json
 * keep them: "auths", "credsStore", "credHelpers".
 *
 * The file belongs to its user and to other programs as well: editing keeps
 * every member we do not know, and their order.
 *
 * Lookup goes from the longest prefix to the shortest: HOST/a/b, HOST/a, HOST
 * (containers-auth.json(5)); docker.io also answers to index.docker.io and
 * https://index.docker.io/v1/ (docker's key for it), and a key may carry a
 * scheme and a trailing path "/v1/" or "/v2/" as old dockers wrote it.  A
 * credential helper for the host goes before the store of all hosts, and
 * both before "auths", which then only say who is logged in.
 *
 * Ownership: strings of a struct auth_cred are its own; secrets are wiped when
 * they are released.
 * Errors: -EBADMSG not such a file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/secret.h"
#include "lib/base/strv.h"

struct authfile;

struct auth_cred {
	char *key;		/* of the entry that answered; what a helper is asked for */
	char *helper;		/* ask docker-credential-HELPER; the rest is unset */
	char *user;
	struct secret password;
	struct secret identity_token;	/* an OAuth2 refresh token */
	struct secret registry_token;	/* a bearer token as it is */
};

#define AUTH_CRED_INIT { .key = NULL }

/* len 0: an empty one. */
int authfile_parse(struct authfile **out, const char *text, size_t len,
		   struct err *e) MUST_CHECK;
void authfile_free(struct authfile *f);		/* NULL is fine */

/* host as in struct ref.domain, path NULL or as in struct ref.path.  1: out is
 * filled; 0: no entry. */
int authfile_find(struct auth_cred *out, const struct authfile *f,
		  const char *host, const char *path, struct err *e) MUST_CHECK;

/* The helper that new credentials of the host go to, or NULL. */
const char *authfile_helper(const struct authfile *f, const char *host);

/* key: HOST or HOST/path; docker.io becomes docker's own spelling.  Exactly one
 * of password and identity_token. */
void authfile_set(struct authfile *f, const char *key, const char *user,
		  const char *password, const char *identity_token);

/* Notes that a helper holds the credentials of key. */
void authfile_set_helped(struct authfile *f, const char *key);

/* Removes all spellings of key; false: there was none. */
bool authfile_remove(struct authfile *f, const char *key);

/* The keys of "auths", as spelled there. */
void authfile_list(const struct authfile *f, struct strv *out);

/* Appends the file, indented. */
void authfile_print(const struct authfile *f, struct buf *out);

void auth_cred_clear(struct auth_cred *c);

static inline void auth_cred_auto(struct auth_cred *c)
{
	auth_cred_clear(c);
}

static inline void authfile_auto(struct authfile **f)
{
	authfile_free(*f);
	*f = NULL;
}
