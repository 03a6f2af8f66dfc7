/* own_ids.h - the subordinate ids of whoever runs the test. */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/str.h"
#include "lib/fmt/idmap.h"

/* The first range for $USER in /etc/subuid or /etc/subgid; for root, who needs
 * none, any range; false: none. */
static inline bool own_grant(const char *path, struct id_grant *g)
{
	FILE *f = fopen(path, "re");
	const char *user = getenv("USER");
	char line[256], name[64];
	bool found = false;

	if (geteuid() == 0) {
		g->start = 100000;
		g->count = 65536;
		found = true;
	}
	while (f && user && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%63[^:]:%u:%u", name, &g->start, &g->count) == 3 &&
			str_eq(name, user);
	if (f)
		fclose(f);
	return found;
}
