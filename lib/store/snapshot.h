/* snapshot.h - what the files that remove snapshots share.
 *
 * Inside lib/store only.
 */
#pragma once

#include "lib/base/limits.h"
#include "lib/store/db.h"
#include "lib/store/snapshots.h"

#define SNAPSHOT_PATH_MAX (MAX_ID + 40)

/* "DRIVER/ID" or "DRIVER/ID.staging", below snapshots/ */
void snapshot_path(char out[static SNAPSHOT_PATH_MAX], const char *driver,
		   int64_t id, bool staging);

/* In a transaction: the rows; *driver says what to trash after the commit. */
int snapshot_drop_rows(struct store *s, int64_t id, char **driver,
		       struct err *e) MUST_CHECK;

/* The directory, staging or not, wherever the crash was. */
int snapshot_trash(struct store *s, const char *driver, int64_t id,
		   struct err *e) MUST_CHECK;
