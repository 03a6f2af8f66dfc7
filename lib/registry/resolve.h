/* resolve.h - references to manifests, small blobs, and the login check.
 *
 * Bytes that these return were hashed: a manifest asked for by digest, and a
 * document fetched by descriptor, equal that digest and size; the digest of a
 * manifest asked for by tag was computed from the bytes and equals
 * Docker-Content-Digest when the registry sent one.  Bytes are not parsed.
 *
 * Calls return when they are done; fetches that were added go on meanwhile.
 * Errors: see client.h.
 */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/limits.h"
#include "lib/fmt/desc.h"
#include "lib/fmt/ref.h"
#include "lib/registry/client.h"

struct registry_doc {
	char *media_type;	/* Content-Type without parameters; may be NULL */
	struct digest digest;
	struct buf bytes;
};

#define REGISTRY_DOC_INIT { .bytes = BUF_INIT(MAX_MANIFEST) }

void registry_doc_clear(struct registry_doc *d);

static inline void registry_doc_auto(struct registry_doc *d)
{
	registry_doc_clear(d);
}

/* What the tag (or digest) names now, without its bytes where the registry
 * can say: digest, media type, size. */
int registry_head(struct desc *out, struct registry *reg,
		  const struct ref *ref, struct err *e) MUST_CHECK;

/* The manifest or index that ref names; by ref's digest when it has one. */
int registry_manifest(struct registry_doc *out, struct registry *reg,
		      const struct ref *ref, struct err *e) MUST_CHECK;

/* The manifest with this digest in ref's repository: an entry of an index.
 * size 0: not known. */
int registry_manifest_at(struct registry_doc *out, struct registry *reg,
			 const struct ref *ref, const struct digest *digest,
			 uint64_t size, struct err *e) MUST_CHECK;

/* A small blob in memory, an image config: at most max bytes. */
int registry_blob(struct registry_doc *out, struct registry *reg,
		  const struct ref *ref, const struct desc *desc, size_t max,
		  struct err *e) MUST_CHECK;

/* Would these credentials do for host?  Asks /v2/ and the token service.
 * -EACCES: refused; the text says by whom.  On success a token service may
 * have given an identity token instead of the password: then it is set. */
int registry_login(struct registry *reg, const char *host,
		   struct registry_creds *creds, struct err *e) MUST_CHECK;
