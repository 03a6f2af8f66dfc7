/* ring.h - the last output of a container, for clients of different speed.
 *
 * A ring of records (a stream's frame each).  There is one writer and any
 * number of readers, each with its own position: a byte count since the
 * beginning, so that positions only grow.  The writer never waits: it
 * overwrites the oldest records, and a reader whose position lies before tail
 * has lost output.  Who must not lose any is asked about with ring_has_room().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "lib/base/limits.h"

#define RING_SIZE KIB(128)
#define RING_RECORD_MAX KIB(32)

struct ring {
	uint64_t head;			/* where the next record begins */
	uint64_t tail;			/* the oldest whole record */
	unsigned char data[RING_SIZE];
};

struct ring_record {
	uint32_t op;			/* SHIM_STDOUT, SHIM_STDERR */
	uint32_t len;
	struct iovec part[2];		/* the second may be empty */
	uint64_t next;			/* position after it */
};

/* Can len bytes be added without overwriting what a reader at from needs? */
bool ring_has_room(const struct ring *r, size_t len, uint64_t from);

/* len is at most RING_RECORD_MAX. */
void ring_add(struct ring *r, uint32_t op, const void *data, size_t len);

/* The record at a position in [tail, head); false at head. */
bool ring_peek(struct ring *r, uint64_t at, struct ring_record *out);
