/* volume.h - what volumes.c and gc.c share.
 *
 * Inside lib/store only.
 */
#pragma once

#include "lib/store/db.h"

#define MAX_VOLUME_OPTIONS KIB(64)

/* Second step of a removal: if the row is still marked, the directory goes to
 * the trash and the row goes, under one write lock. */
int volume_bury(struct store *s, const char *ns, const char *name,
		struct err *e) MUST_CHECK;
