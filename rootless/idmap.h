/* idmap.h - which ids a container of this user gets: a ladder and a policy.
 *
 * The ladder:
 *   1. root of our user namespace (real root, or nested): every id that is
 *      mapped here, unchanged; the map is written directly
 *   2. subordinate ranges, through newuidmap and newgidmap
 *   3. a single id: our own
 * The ranges are asked of libsubid by a helper program, since that library
 * drags in a dozen others, and kept in a cache file with the times of the
 * files that they come from.
 *
 * Errors: a helper that fails is not an error but the next rung; why says
 * which one was taken and why.
 */
#pragma once

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/fmt/idmap.h"

enum ids_rung { IDS_ROOT, IDS_SUBID, IDS_SINGLE };
enum ids_policy { IDS_DEFAULT, IDS_KEEP_ID, IDS_NOMAP };

struct ids_env {
	const char *cache_dir;		/* $XDG_CACHE_HOME/coracle; made if missing */
	const char *asker;		/* coracle-image, which prints the ranges */
};

struct ids {
	enum ids_rung rung;
	const char *why;		/* of IDS_SINGLE: a literal; else NULL */
	struct idmap map;
	char newuidmap[64];		/* "": the map is written directly */
	char newgidmap[64];
};

/* uid, gid: for IDS_KEEP_ID, who we are inside (ID_NONE: as outside). */
int ids_choose(struct ids *out, const struct ids_env *env, enum ids_policy policy,
	       uint32_t uid, uint32_t gid, struct err *e) MUST_CHECK;
