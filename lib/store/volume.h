/* volume.h - what volumes.c and gc.c share.
 *
 * Inside lib/store only.
 */
#pragma once

#include "lib/store/db.h"

#define MAX_VOLUME_OPTIONS KIB(64)

/* Second step of all removals that were begun: while the row is still marked,
 * the directory goes to the trash and the row goes, under one write lock. */
int volume_bury_dying(struct store *s, struct err *e) MUST_CHECK;

/* For GC: is it that of a volume, or was it one's?  0: it was never finished. */
int volume_is_dir_known(struct store *s, const char *ns, const char *name,
			struct err *e) MUST_CHECK;
