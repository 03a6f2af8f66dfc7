/* schema.h - numbered migrations: how meta.db came to be what it is.
 *
 * Inside lib/store only.  Migration n (the first is 1) turns version n - 1
 * into n; PRAGMA user_version holds the number.  A migration that was released
 * never changes.  Each has a test that upgrades a stored file of the version
 * before it (tests/data/store-N.sql).
 */
#pragma once

extern const char *const schema_migrations[];
extern const int schema_version;		/* the newest */
