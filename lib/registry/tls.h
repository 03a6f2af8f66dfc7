/* tls.h - the only place that touches certificate options.
 *
 * certs.d: <dir>/<host:port>/ may hold *.crt (authorities trusted for this
 * host besides the system's) and NAME.cert with NAME.key (a client's).  The
 * first directory that has the host counts.  Protocol: TLS 1.2 or newer.
 * Errors: -EKEYREJECTED for files that cannot be used; hint registry.ca.
 */
#pragma once

#include <curl/curl.h>
#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/strv.h"

struct tls_trust {
	bool insecure;		/* do not check the server's certificate */
	bool has_dir;		/* certs.d knows this host */
	int ca_fd;		/* memory file: the system's and the host's own
				 * authorities; -1: the system's only */
	char *cert;		/* paths of the client's, or NULL */
	char *key;
};

#define TLS_TRUST_INIT { .ca_fd = -1 }

void tls_trust_clear(struct tls_trust *t);

/* authority: "host" or "host:port", without default port. */
int tls_trust_load(struct tls_trust *out, const struct strv *cert_dirs,
		   const char *authority, struct err *e) MUST_CHECK;

/* The trust must outlive the transfer. */
void tls_apply(CURL *easy, const struct tls_trust *t);
