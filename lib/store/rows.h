/* rows.h - what a lost database is made from again: beside its files a
 * container, a snapshot and a volume have what their rows say, as JSON.
 *
 * The database is the truth and these are copies, written with it and never
 * read but by a rebuild (rebuild.h).  A power cut may leave one older, or
 * empty: then its object is put aside, not guessed; a volume comes back
 * without labels and options.
 *
 * Inside lib/store.
 */
#pragma once

#include "lib/store/containers.h"
#include "lib/store/snapshots.h"
#include "lib/store/volumes.h"

#define ROW_FILE "row.json"

/* dirfd: containers/NS/ID.  All but the state. */
int row_write_container(int dirfd, const struct container *c, struct err *e) MUST_CHECK;

/* Of one whose row has changed, labels as well (containers.c). */
int container_save_row(struct store *s, const char *ns, const char *id,
		       struct err *e) MUST_CHECK;

/* dirfd: snapshots/DRIVER/ID.  parents, of count, stand for snap's. */
int row_write_snapshot(int dirfd, const struct snapshot *snap, const int64_t *parents,
		       size_t count, struct err *e) MUST_CHECK;

/* dirfd: volumes/NS/NAME.  Once, before anybody can know of the volume. */
int row_write_volume(int dirfd, const struct volume *v, const char *options,
		     struct err *e) MUST_CHECK;
