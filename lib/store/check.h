/* check.h - do the rows and what is on disk agree?
 *
 * check_store() looks at every row and at what it stands for.  Quick: names,
 * types, sizes, modes, and the database's own structure.  Deep: a function of
 * the caller's reads every blob, and every index is compared with its table.
 * Nothing is changed, no lock is held longer than a statement takes; what
 * others remove meanwhile is no finding.
 *
 * Files without a row are GC's business and no finding either.
 *
 * Ownership: strings belong to the struct.
 */
#pragma once

#include <stdint.h>

#include "lib/fmt/digest.h"
#include "lib/store/snapshots.h"
#include "lib/store/store.h"

enum check_kind {
	CHECK_DATABASE,		/* its pages: system rebuild is what helps */
	CHECK_LAYOUT,		/* to be written again */
	CHECK_BLOB,		/* to be fetched again */
	CHECK_IMAGE,		/* a blob of it has no row */
	CHECK_LAYER,		/* to be unpacked again */
	CHECK_SNAPSHOT,		/* of a user or a container: what was written is lost */
	CHECK_CONTAINER,
	CHECK_VOLUME,
};

struct finding {
	enum check_kind kind;
	char *ns;		/* "" where namespaces do not matter */
	char *object;		/* a name, id or digest */
	char *what;		/* is wrong */
	struct digest blob;	/* of CHECK_BLOB */
	int64_t row;		/* of snapshots and images */
	bool is_repaired;	/* for the caller */
};

struct findings {
	struct finding *v;
	size_t len;
};

#define FINDINGS_INIT { .v = NULL }

void findings_auto(struct findings *l);

/* The strings are copied. */
struct finding *findings_add(struct findings *l, enum check_kind kind, const char *ns,
			     const char *object, const char *what);

/* -EBADMSG: the error says what is wrong with it. */
typedef int check_blob_fn(int fd, const struct digest *d, struct err *e);

/* deep: NULL is a quick one. */
int check_store(struct findings *out, struct store *s, check_blob_fn *deep,
		struct err *e) MUST_CHECK;

/* --- repair --- */

/* The file of a damaged blob goes to quarantine/, its row goes; who needs the
 * blob fetches it again. */
int check_drop_blob(struct store *s, const struct digest *d, struct err *e) MUST_CHECK;

/* Of an image that has the layer; -ENOENT: none has. */
int check_layer_manifest(struct digest *out, struct store *s, int64_t id,
			 struct err *e) MUST_CHECK;

/* The layer is not found any more, so that it is unpacked anew from the
 * manifest that this gives ...  -ENOENT: no image has it; -EBUSY: a container
 * runs on it, and would lose its files. */
int check_hide_layer(struct digest *manifest, struct store *s, int64_t id,
		     struct err *e) MUST_CHECK;

/* ... and what lies on the old one then lies on that; the old one goes. */
int check_replace_layer(struct store *s, int64_t old, struct err *e) MUST_CHECK;
