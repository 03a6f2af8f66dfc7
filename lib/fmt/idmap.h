/* idmap.h - user and group id maps as arithmetic.
 *
 * A map is a list of ranges; inside ids are the container's, outside ids are
 * those of our own user namespace.  Pure: no system call, no allocation.
 * user_namespaces(7), "User and group ID mappings".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/limits.h"

#define ID_NONE UINT32_MAX
#define ID_OVERFLOW 65534u		/* how the kernel shows unmapped ids */

struct id_range {
	uint32_t inside;
	uint32_t outside;
	uint32_t count;
};

struct id_ranges {
	struct id_range at[MAX_IDMAP];
	size_t len;
};

/* A contiguous set of outside ids, as /etc/subuid grants them. */
struct id_grant {
	uint32_t start;
	uint32_t count;
};

struct idmap {
	struct id_ranges uids;
	struct id_ranges gids;
};

/* ID_NONE when id is not mapped. */
uint32_t id_to_outside(const struct id_ranges *m, uint32_t inside);
uint32_t id_to_inside(const struct id_ranges *m, uint32_t outside);

/* Appends.  What continues the last range stays one of its own: the kernel and
 * newuidmap refuse a range that lies in two of the caller's.  -EINVAL: overlap
 * on either side, empty, or past the last id; -E2BIG: too many ranges. */
int id_add(struct id_ranges *m, uint32_t inside, uint32_t outside,
	   uint32_t count, struct err *e) MUST_CHECK;

/* The default policy: inside 0 is self, 1 and up are the grants in order. */
int id_map_default(struct id_ranges *out, uint32_t self,
		   const struct id_grant *grants, size_t len,
		   struct err *e) MUST_CHECK;

/* keep-id: inside `kept` is self, all others are the grants in order. */
int id_map_keep(struct id_ranges *out, uint32_t self, uint32_t kept,
		const struct id_grant *grants, size_t len,
		struct err *e) MUST_CHECK;

/* nomap: self is not mapped; inside 0 and up are the grants in order. */
int id_map_grants(struct id_ranges *out, const struct id_grant *grants,
		  size_t len, struct err *e) MUST_CHECK;

/* Only `inside` is mapped, to self: the rung without subordinate ids. */
int id_map_single(struct id_ranges *out, uint32_t self, uint32_t inside,
		  struct err *e) MUST_CHECK;

bool id_map_is_single(const struct id_ranges *m);

/* Lines as uid_map wants them: "inside outside count\n". */
void id_print(const struct id_ranges *m, struct buf *b);

/* A short text that names the map: equal for equal maps only.  It keys layer
 * directories ("0:1000:1,1:100000:65536/..."). */
void idmap_key(const struct idmap *m, struct buf *b);

/* The map that a key begins with, as far as '+' or its end.  -EINVAL. */
int idmap_from_key(struct idmap *out, const char *key, struct err *e) MUST_CHECK;

/* "inside:outside:count", as --uidmap and OCI mappings have it. */
int id_parse_range(struct id_range *out, const char *text, struct err *e) MUST_CHECK;
