/* gc.h - removes what nothing refers to, and empties the trash.
 *
 * How it works.  Roots are images, containers, leases that are not void, and
 * what has containerd's label gc.root.  An image keeps its blobs (by the edges
 * of content_ref) and the layers of its diff ids; an active snapshot keeps its
 * parents; a label gc.ref.content[.X] of anything keeps the blob whose digest
 * it says, gc.ref.snapshot.DRIVER[.X] the snapshot of that name or the layer of
 * that diff id.  References are looked up, never counted: what no row points
 * at goes, and what then has no referrer goes in the next round.  So labels in
 * a ring keep each other, which digests cannot.
 *
 * An image whose label gc.expire is past loses its name first.
 *
 * Candidates are found by reading.  Each is then checked again and removed in
 * a write transaction of a few rows, so others wait less than a millisecond.
 * Blobs go in two steps: the row is marked, and only while it is still marked
 * the file is moved to the trash, both under the write lock; a pull that
 * wants the blob meanwhile just takes the mark off.
 *
 * Files without a row (a crash came between the two) are moved to the trash
 * when they are older than the grace and no lease pins them; snapshots at once.
 *
 * Errors: what was done stays done; the first failure is returned.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/store/store.h"

struct blobs;

#define GC_GRACE_S 3600u

struct gc_options {
	uint64_t budget_ns;	/* stop after this; 0: no limit */
	uint64_t grace_s;	/* for files without a row: GC_GRACE_S */
};

struct gc_result {
	uint64_t blobs, blob_bytes;
	uint64_t snapshots, snapshot_bytes;
	uint64_t ingests;
	uint64_t orphans;
	bool is_finished;	/* false: the budget ran out, call again */
};

int gc_run(struct gc_result *out, struct store *s, const struct gc_options *o,
	   struct err *e) MUST_CHECK;

/* The blobs that gc_run() would remove, files without a row not counted.
 * Nothing is changed; others wait meanwhile. */
int gc_preview(struct blobs *out, struct store *s, struct err *e) MUST_CHECK;

/* Removes one tree of the trash that we alone cannot: it holds files of
 * mapped ids, so it must happen inside a user namespace with the map. */
typedef int gc_reap_fn(int trash_fd, const char *name, void *arg,
		       struct err *e);

/* Empties the trash.  What -EPERM or -EACCES keeps us from removing is given
 * to fn (NULL: left for another time).  Returns how many entries are left. */
int gc_reap_trash(struct store *s, uint64_t budget_ns, gc_reap_fn *fn,
		  void *arg, struct err *e) MUST_CHECK;

/* Is there anything to reap?  One readdir. */
bool gc_has_trash(struct store *s);
