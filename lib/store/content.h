/* content.h - the blobs: immutable bytes named by their digest.
 *
 * Layout: content/blobs/sha256/HEX, mode 0444, beside oci-layout and
 * index.json, so that the directory is an OCI image layout.  A blob exists
 * when it has a row; then its file is whole, verified and durable.
 *
 * Writing: begin, write, commit for each blob, then one content_barrier()
 * for all of them: it makes the names durable and writes the rows.  Before
 * the barrier nobody sees the blobs.  A crash in between loses no download:
 * the next begin finds the bytes and hands them back to be hashed again.
 *
 * This module does not hash: commit and put are told the digest that the
 * caller computed over the bytes.  Except for content_ref() and reading,
 * nothing here may be called inside a transaction.
 *
 * A failed sync poisons: the bytes are discarded, never synced again.
 *
 * Ownership: descriptors returned belong to the caller.
 * Errors: -ENOENT no such blob; -EBADMSG bytes and name (or size) disagree;
 * -EFBIG more bytes than announced.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/proc.h"
#include "lib/fmt/digest.h"
#include "lib/store/lease.h"
#include "lib/store/store.h"

struct blob {
	struct digest digest;
	uint64_t size;
	uint64_t created_ns;
};

struct blobs {
	struct blob *v;
	size_t len;
};

#define BLOBS_INIT { .v = NULL }

void blobs_clear(struct blobs *b);

static inline void blobs_auto(struct blobs *b)
{
	blobs_clear(b);
}

/* A read-only descriptor, and the size when size is not NULL.  -EBADMSG: the
 * file is missing or of another size; the blob must be fetched again. */
int content_get(struct store *s, const struct digest *d, uint64_t *size,
		struct err *e) MUST_CHECK;

/* The whole blob, at most b->max bytes. */
int content_read(struct store *s, const struct digest *d, struct buf *b,
		 struct err *e) MUST_CHECK;

int content_has(struct store *s, const struct digest *d, struct err *e) MUST_CHECK;	/* 1, 0 */
int content_list(struct blobs *out, struct store *s, struct err *e) MUST_CHECK;

/* Removes the blob whatever refers to it; GC is the careful one.  Also how
 * repair drops a blob that it will fetch again. */
int content_delete(struct store *s, const struct digest *d, struct err *e) MUST_CHECK;

/* --- writing --- */

enum content_answer {
	CONTENT_WRITE = 0,	/* ours to write, from offset on */
	CONTENT_EXISTS,		/* already here, pinned by the lease now */
	CONTENT_FOLLOW,		/* owner is writing it: wait for its end, ask again */
};

struct content_ingest {
	struct store *store;	/* NULL: not open */
	char ref[DIGEST_TEXT_MAX];
	struct digest expected;	/* unset: any */
	uint64_t size;		/* expected; UINT64_MAX: any */
	uint64_t offset;	/* bytes in the file; feed them to the hash */
	uint64_t flushed;	/* write-back was started up to here */
	struct proc_id owner;	/* of CONTENT_FOLLOW; pid 0: not visible */
	int64_t lease;
	int fd;			/* to read from 0 on, and to write at offset */
};

#define CONTENT_INGEST_INIT { .store = NULL, .fd = -1 }

/* Returns an enum content_answer; only CONTENT_WRITE leaves out open.
 * expected NULL: the digest is not known before the end (build, import).
 * The lease pins the blob in every case but CONTENT_FOLLOW. */
int content_ingest_begin(struct content_ingest *out, struct store *s,
			 const struct lease *l, const struct digest *expected,
			 uint64_t size, struct err *e) MUST_CHECK;

/* Appends.  -EFBIG beyond the expected size: the partial file is of no use,
 * abort without keep.  Starts write-back early, so that commit waits little. */
int content_ingest_write(struct content_ingest *in, const void *data,
			 size_t len, struct err *e) MUST_CHECK;

/* Drops what is there and starts again at 0 (a server without ranges). */
int content_ingest_restart(struct content_ingest *in, struct err *e) MUST_CHECK;

/* Syncs and names the bytes; content_barrier() completes it.  Closes in, in
 * any case.  -EBADMSG: discarded. */
int content_ingest_commit(struct content_ingest *in, const struct digest *d,
			  uint64_t size, struct err *e) MUST_CHECK;

/* keep: leave the bytes for whoever resumes. */
void content_ingest_abort(struct content_ingest *in, bool keep);

/* The bytes are not what they should be: nobody shall resume them. */
void content_ingest_discard(struct content_ingest *in);

static inline void content_ingest_auto(struct content_ingest *in)
{
	content_ingest_abort(in, true);
}

/* How many bytes another process has written so far; 0 when unknown. */
uint64_t content_ingest_progress(struct store *s, const struct digest *d);

/* Downloads that are going on, and such as were cut off. */
struct ingest_info {
	char *ref;
	uint64_t size;			/* in the end; UINT64_MAX: unknown */
	uint64_t have;
	uint64_t created_ns;
	pid_t owner;			/* 0: none, or not visible */
};

struct ingests {
	struct ingest_info *v;
	size_t len;
};

#define INGESTS_INIT { .v = NULL }

int content_ingests(struct ingests *out, struct store *s, struct err *e) MUST_CHECK;
void ingests_auto(struct ingests *l);

/* A small document that is in memory.  Waits for content_barrier() too. */
int content_put(struct store *s, const struct lease *l, const struct digest *d,
		const void *data, size_t len, struct err *e) MUST_CHECK;

/* All commits and puts since the last barrier become durable and visible,
 * together.  Nothing pending is fine. */
int content_barrier(struct store *s, struct err *e) MUST_CHECK;

/* --- edges, which GC follows: manifest -> config, layers; index -> manifests.
 * The blob from exists or is waiting for the barrier; to need not be here. --- */

int content_ref(struct store *s, const struct digest *from,
		const struct digest *to, struct err *e) MUST_CHECK;
