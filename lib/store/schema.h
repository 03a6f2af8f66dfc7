/* schema.h - numbered migrations: how meta.db came to be what it is.
 *
 * Inside lib/store only.  Migration n (the first is 1) turns version n - 1
 * into n; PRAGMA user_version holds the number.  A migration that was released
 * never changes.  Each has a test that upgrades a stored file of the version
 * before it (tests/data/store-N.sql).
 */
#pragma once

#include "lib/store/snapshots.h"

/* The id map in the key of a layer ("MAP", "MAP+CHAIN"), and whether the layer
 * is there to run on.  Migration 4 is made of them: they never change. */
#define SQL_MAP_OF(key) "substr(" key ", 1, instr(" key " || '+', '+') - 1)"
#define SQL_HAS_MAP(key)						\
	"(" key " NOT LIKE '" LAYER_TRIAL "%' AND " key " NOT LIKE '" LAYER_LOST "%')"

extern const char *const schema_migrations[];
extern const int schema_version;		/* the newest */
