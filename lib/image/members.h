/* members.h - the members of an image archive: read once, in the order they
 * come, into the content store; then looked up by name.
 *
 * Every file becomes a blob named by what it hashes to.  Documents that say
 * what the archive is are kept in memory as well.  Names are compared after
 * normalising, never used as paths.
 *
 * Private to lib/image.  Ownership: struct members owns everything in it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/limits.h"
#include "lib/base/map.h"
#include "lib/fmt/digest.h"
#include "lib/store/lease.h"

struct member {
	struct digest digest;
	uint64_t size;
	char *link;			/* another member's name; else NULL */
};

struct members {
	struct map map;			/* name -> struct member */
	struct buf manifest_json;	/* of docker; empty: not there */
	struct buf index_json;		/* of OCI */
};

#define MEMBERS_INIT {				\
	.map = MAP_INIT,			\
	.manifest_json = BUF_INIT(MAX_MANIFEST),	\
	.index_json = BUF_INIT(MAX_MANIFEST),	\
}

void members_clear(struct members *m);

static inline void members_auto(struct members *m)
{
	members_clear(m);
}

/* The blobs are visible on return, and pinned by the lease. */
int members_read(struct members *out, int fd, struct store *s,
		 const struct lease *l, struct err *e) MUST_CHECK;

/* Follows links; NULL: no such member. */
const struct member *members_get(const struct members *m, const char *name);
