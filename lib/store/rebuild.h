/* rebuild.h - makes a lost database again from the files.
 *
 * A store that was opened with the option rebuild is empty, and others refuse
 * it until rebuild_end(), whatever happens in between.  What comes back: blobs
 * by their names, layers, snapshots, containers and volumes by what rows.h left
 * beside them, volumes also without.  Images are lib/image's (they need more
 * than this module knows).  Events, leases and labels of anything but
 * containers and volumes are lost.
 *
 * What cannot be made out goes to the directory "lost" in the root and is said
 * in result.lost; nothing is removed.
 *
 * Ownership: strings belong to the struct.
 */
#pragma once

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/strv.h"
#include "lib/store/check.h"
#include "lib/store/store.h"

struct rebuild_result {
	uint64_t blobs, layers, snapshots, containers, volumes;
	struct strv lost;		/* paths below the root, and why */
};

#define REBUILD_RESULT_INIT { .lost = STRV_INIT }

static inline void rebuild_result_auto(struct rebuild_result *r)
{
	strv_clear(&r->lost);
}

/* blob: as a deep check's; what it refuses is put aside. */
int rebuild_rows(struct rebuild_result *out, struct store *s, check_blob_fn *blob,
		 struct err *e) MUST_CHECK;

/* The index of the layout as it was. */
int rebuild_index(struct buf *out, struct store *s, struct err *e) MUST_CHECK;

/* From now on it is a store like any other. */
int rebuild_end(struct store *s, struct err *e) MUST_CHECK;
