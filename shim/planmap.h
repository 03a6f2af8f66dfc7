/* planmap.h - a plan in a sealed memory file, mapped and checked. */
#pragma once

#include <stddef.h>

#include "lib/base/err.h"

struct plan_map {
	void *data;			/* NULL: nothing is mapped */
	size_t len;
};

#define PLAN_MAP_INIT { .data = NULL }

int plan_map(struct plan_map *out, int fd, struct err *e) MUST_CHECK;
void plan_map_clear(struct plan_map *m);

static inline void plan_map_auto(struct plan_map *m)
{
	plan_map_clear(m);
}
