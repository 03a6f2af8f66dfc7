/* manifest.h - image manifests and indexes (image-spec manifest.md,
 * image-index.md; docker's schema 2 and manifest list).
 *
 * One function reads both, because which of them it is has to be decided
 * where everything is known (RELIABILITY D1): the Content-Type and the
 * embedded mediaType must agree where both are there, and the members must fit
 * that kind.  What could be read as both is refused, as is schema 1.
 * Errors: -EBADMSG not a document of this kind; -ENOTSUP schema 1; -EFBIG.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/fmt/desc.h"
#include "lib/fmt/media.h"

struct manifest {
	enum media media;		/* MEDIA_OCI_MANIFEST or _DOCKER_ */
	char *artifact_type;		/* may be NULL */
	struct desc config;
	struct desc *layers;		/* bottom first */
	size_t layer_count;		/* <= MAX_LAYERS */
	struct desc *subject;		/* may be NULL */
	struct strv annotations;	/* "key=value" */
};

struct index {
	enum media media;		/* MEDIA_OCI_INDEX or _DOCKER_LIST */
	char *artifact_type;		/* may be NULL */
	struct desc *entries;		/* with their platforms, in order */
	size_t entry_count;		/* <= MAX_INDEX_ENTRIES */
	struct desc *subject;		/* may be NULL */
	struct strv annotations;
};

struct manifest_doc {
	enum media_kind kind;		/* MEDIA_IS_MANIFEST or MEDIA_IS_INDEX */
	struct manifest manifest;	/* the one that kind says is filled */
	struct index index;
};

#define MANIFEST_INIT { .media = MEDIA_OCI_MANIFEST }
#define INDEX_INIT { .media = MEDIA_OCI_INDEX }
#define MANIFEST_DOC_INIT { .kind = MEDIA_IS_OTHER }

/* content_type may be NULL: a file has none. */
int manifest_doc_parse(struct manifest_doc *out, const char *content_type,
		       const char *data, size_t len, struct err *e) MUST_CHECK;

/* The same for callers that know what they want; the other is an error. */
int manifest_parse(struct manifest *out, const char *data, size_t len,
		   struct err *e) MUST_CHECK;
int index_parse(struct index *out, const char *data, size_t len,
		struct err *e) MUST_CHECK;

/* The best entry for the platform; the first of equals.  Attestations and
 * other artifacts are passed over.  -ENOENT names what there is. */
int manifest_choose(const struct desc **out, const struct index *index,
		    const struct platform *want, struct err *e) MUST_CHECK;

/* Is this layer's blob also that of one below it? */
bool manifest_repeats(const struct manifest *m, size_t layer);

/* Append JSON; the same struct always gives the same bytes. */
void manifest_print(const struct manifest *m, struct buf *out);
void index_print(const struct index *x, struct buf *out);

/* Append an empty one; what is returned belongs to the manifest or index. */
struct desc *manifest_add_layer(struct manifest *m);
struct desc *index_add_entry(struct index *x);

void manifest_clear(struct manifest *m);
void index_clear(struct index *x);
void manifest_doc_clear(struct manifest_doc *d);

static inline void manifest_auto(struct manifest *m)
{
	manifest_clear(m);
}

static inline void index_auto(struct index *x)
{
	index_clear(x);
}

static inline void manifest_doc_auto(struct manifest_doc *d)
{
	manifest_doc_clear(d);
}
