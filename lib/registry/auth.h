/* auth.h - which Authorization a request may carry.  Internal to lib/registry.
 *
 * How it works.  Nothing is sent before the registry asked (401).  Its
 * challenge is kept with the endpoint, so later requests bring what it wants
 * at once.  A struct grant is what one repository of one endpoint gives us:
 * credentials of the user, if any, and the token that the endpoint's service
 * made of them.  Requests that need a token while it is being fetched wait.
 *
 * Rules (RELIABILITY E1, E3): the token service is asked over https, or over
 * http on loopback when the registry is there too; passwords go to realms
 * that are relatives of the registry or that the caller listed, others get
 * anonymous requests only.  Scope is the one repository: pull, and push where
 * something is pushed.
 */
#pragma once

#include "lib/registry/http.h"

struct grant {
	struct grant *next;
	struct endpoint *ep;
	char *repo;		/* NULL: none, for login */
	struct registry_creds creds;
	bool is_asked;		/* creds were looked up */
	bool has_creds;
	bool may_push;		/* its tokens are to allow that */
	struct secret token;
	uint64_t expires_ns;	/* monotonic */
	uint64_t generation;	/* counts tokens */
	struct request *asking;	/* the token request under way */
	bool wants_offline;	/* login: an identity token is welcome */
	struct secret offline;	/* and here it is */
};

struct grant *auth_grant(struct endpoint *ep, const char *repo);
void auth_want_push(struct grant *g);
void auth_grant_free(struct grant *g);

/* Adds the Authorization header that this hop may have.  0; 1: r waits for
 * its grant's token; -EACCES. */
int auth_prepare(struct request *r, struct err *e) MUST_CHECK;

/* After a 401 of the registry itself.  0: ask again; else why not. */
int auth_challenged(struct request *r, struct err *e) MUST_CHECK;

/* "Basic ..." of user and password. */
void auth_basic(struct secret *out, const struct registry_creds *c);

/* Does text hold one of the secrets that r may have sent? */
bool auth_is_leaky(const struct request *r, const char *text);

/* Is realm a relative of the registry's host? */
bool auth_is_related(const char *host, const char *realm);
