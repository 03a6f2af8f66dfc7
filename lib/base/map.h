/* map.h - a map from strings to pointers.
 *
 * Keys are copied; values are not owned.  Iteration is in insertion order,
 * which makes output stable.
 */
#pragma once

#include <stddef.h>

#include "lib/base/cleanup.h"

struct map_entry {
	char *key;
	void *value;
};

struct map {
	struct map_entry *entries;	/* len of them, in insertion order */
	size_t len;
	size_t cap;
	size_t *slots;			/* 0: empty, else index + 1 */
	size_t slot_count;		/* a power of two, or 0 */
};

#define MAP_INIT { .entries = NULL }

void map_clear(struct map *m);
void *map_get(const struct map *m, const char *key);	/* NULL: not there */
void map_set(struct map *m, const char *key, void *value);

static inline void map_auto(struct map *m)
{
	map_clear(m);
}
