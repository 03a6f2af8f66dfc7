/* blob.h - what content.c, ingest.c and gc.c know of a blob together.
 *
 * Inside lib/store only.
 */
#pragma once

#include "lib/store/content.h"
#include "lib/store/db.h"

#define BLOB_PATH_MAX (16 + DIGEST_TEXT_MAX)

/* "blobs/ALG/HEX", below content/ */
void blob_path(const struct digest *d, char out[static BLOB_PATH_MAX]);

struct blob_row {
	uint64_t size;
	bool is_dying;
};

int blob_row(struct blob_row *out, struct store *s, const struct digest *d,
	     struct err *e) MUST_CHECK;		/* 1, or 0: no row */

/* Second step of a removal: if the row is still marked, the file goes to the
 * trash and the row goes, under one write lock.  1, or 0: not any more. */
int blob_bury(struct store *s, const struct digest *d, struct err *e) MUST_CHECK;
