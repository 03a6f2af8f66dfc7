#include "lib/store/schema.h"

#include "lib/base/cleanup.h"

/* Digests are text ("sha256:HEX"), times are ns UTC, states are the numbers of
 * the enums in the headers.  No foreign keys: rows outlive each other on
 * purpose (an image may name a blob that must be fetched again), and who
 * removes what is written in one place, gc.c. */
/* An event is a row that a trigger adds, so it is in the same transaction as
 * what it tells: none is lost, none is untrue.  The oldest go. */
#define NOW_NS "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) * 1000000"
#define EVENT(trigger, on, topic, ns, object, name, image, code)	\
	"CREATE TRIGGER " trigger " AFTER " on " BEGIN"			\
	" INSERT INTO event (time_ns, topic, ns, object, name, image, code)" \
	" VALUES (" NOW_NS ", '" topic "', " ns ", " object ", " name ", " image ", " code ");" \
	" END;"

const char *const schema_migrations[] = {
	/* 1 */
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE namespace (name TEXT PRIMARY KEY, created_ns INTEGER NOT NULL)"
	" WITHOUT ROWID;"
	"CREATE TABLE label (kind INTEGER NOT NULL, ns TEXT NOT NULL, object TEXT NOT NULL,"
	" key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, ns, object, key))"
	" WITHOUT ROWID;"
	"CREATE TABLE lease (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL,"
	" pid INTEGER NOT NULL, start INTEGER NOT NULL, boot TEXT NOT NULL,"
	" pidns INTEGER NOT NULL, created_ns INTEGER NOT NULL, expires_ns INTEGER NOT NULL);"
	"CREATE TABLE lease_blob (digest TEXT NOT NULL, lease INTEGER NOT NULL,"
	" PRIMARY KEY (digest, lease)) WITHOUT ROWID;"
	"CREATE TABLE lease_snapshot (snapshot INTEGER NOT NULL, lease INTEGER NOT NULL,"
	" PRIMARY KEY (snapshot, lease)) WITHOUT ROWID;"
	"CREATE TABLE blob (digest TEXT PRIMARY KEY, size INTEGER NOT NULL,"
	" created_ns INTEGER NOT NULL, dying INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
	"CREATE TABLE blob_ref (dst TEXT NOT NULL, src TEXT NOT NULL,"
	" PRIMARY KEY (dst, src)) WITHOUT ROWID;"
	"CREATE INDEX blob_ref_src ON blob_ref (src);"
	"CREATE TABLE ingest (ref TEXT PRIMARY KEY, lease INTEGER NOT NULL, digest TEXT,"
	" size INTEGER NOT NULL, created_ns INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE image (id INTEGER PRIMARY KEY AUTOINCREMENT, ns TEXT NOT NULL,"
	" name TEXT, target TEXT NOT NULL, media_type TEXT NOT NULL, size INTEGER NOT NULL,"
	" manifest TEXT NOT NULL, config TEXT NOT NULL, platform TEXT,"
	" created_ns INTEGER NOT NULL, put_ns INTEGER NOT NULL,"
	" packed_size INTEGER NOT NULL, unpacked_size INTEGER NOT NULL, UNIQUE (ns, name));"
	"CREATE INDEX image_target ON image (target);"
	"CREATE INDEX image_manifest ON image (manifest);"
	"CREATE INDEX image_config ON image (config);"
	"CREATE TABLE image_layer (config TEXT NOT NULL, ord INTEGER NOT NULL,"
	" diff_id TEXT NOT NULL, PRIMARY KEY (config, ord)) WITHOUT ROWID;"
	"CREATE INDEX image_layer_diff ON image_layer (diff_id);"
	"CREATE TABLE snapshot (id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL,"
	" driver TEXT NOT NULL, map TEXT NOT NULL, diff_id TEXT, ready INTEGER NOT NULL,"
	" lease INTEGER NOT NULL, size INTEGER NOT NULL DEFAULT 0,"
	" inodes INTEGER NOT NULL DEFAULT 0, created_ns INTEGER NOT NULL,"
	" UNIQUE (diff_id, driver, map));"
	"CREATE TABLE snapshot_parent (snapshot INTEGER NOT NULL, ord INTEGER NOT NULL,"
	" parent INTEGER NOT NULL, PRIMARY KEY (snapshot, ord)) WITHOUT ROWID;"
	"CREATE INDEX snapshot_parent_parent ON snapshot_parent (parent);"
	"CREATE TABLE container (ns TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL,"
	" image TEXT, manifest TEXT, image_id TEXT, snapshot INTEGER NOT NULL,"
	" state INTEGER NOT NULL, created_ns INTEGER NOT NULL,"
	" started_ns INTEGER NOT NULL DEFAULT 0, finished_ns INTEGER NOT NULL DEFAULT 0,"
	" pid INTEGER NOT NULL DEFAULT 0, start INTEGER NOT NULL DEFAULT 0,"
	" boot TEXT NOT NULL DEFAULT '', exit_code INTEGER NOT NULL, flags INTEGER NOT NULL,"
	" restart TEXT, config TEXT, PRIMARY KEY (ns, id), UNIQUE (ns, name));"
	"CREATE INDEX container_manifest ON container (manifest);"
	"CREATE INDEX container_image ON container (image_id);"
	"CREATE INDEX container_snapshot ON container (snapshot);"
	"CREATE TABLE volume (ns TEXT NOT NULL, name TEXT NOT NULL, anonymous INTEGER NOT NULL,"
	" created_ns INTEGER NOT NULL, options TEXT, dying INTEGER NOT NULL DEFAULT 0,"
	" PRIMARY KEY (ns, name)) WITHOUT ROWID;"
	"CREATE TABLE container_volume (ns TEXT NOT NULL, volume TEXT NOT NULL,"
	" container TEXT NOT NULL, PRIMARY KEY (ns, volume, container)) WITHOUT ROWID;",

	/* 2: removing a container looks for its volumes */
	"CREATE INDEX container_volume_container ON container_volume (ns, container);",

	/* 3: leases and snapshots that users name, labels that GC follows.  What
	 * describes a blob, a snapshot or a lease goes with it. */
	"ALTER TABLE lease ADD COLUMN ns TEXT;"
	"ALTER TABLE lease ADD COLUMN name TEXT;"
	"CREATE UNIQUE INDEX lease_name ON lease (ns, name);"
	"CREATE TABLE snapshot_name (ns TEXT NOT NULL, driver TEXT NOT NULL,"
	" name TEXT NOT NULL, snapshot INTEGER NOT NULL, PRIMARY KEY (ns, driver, name))"
	" WITHOUT ROWID;"
	"CREATE INDEX snapshot_name_snapshot ON snapshot_name (snapshot);"
	"CREATE INDEX label_object ON label (kind, object, key);"
	"CREATE INDEX label_value ON label (value, key);"
	"CREATE TRIGGER blob_gone AFTER DELETE ON blob BEGIN"
	" DELETE FROM label WHERE kind = 5 AND object = OLD.digest; END;"
	"CREATE TRIGGER snapshot_gone AFTER DELETE ON snapshot BEGIN"
	" DELETE FROM label WHERE kind = 6 AND object = CAST(OLD.id AS TEXT);"
	" DELETE FROM snapshot_name WHERE snapshot = OLD.id; END;"
	"CREATE TRIGGER lease_gone AFTER DELETE ON lease BEGIN"
	" DELETE FROM label WHERE kind = 7 AND object = CAST(OLD.id AS TEXT); END;"
	"CREATE TABLE event (id INTEGER PRIMARY KEY AUTOINCREMENT, time_ns INTEGER NOT NULL,"
	" topic TEXT NOT NULL, ns TEXT NOT NULL, object TEXT NOT NULL, name TEXT, image TEXT,"
	" code INTEGER);"
	"CREATE TRIGGER event_bound AFTER INSERT ON event WHEN NEW.id % 256 = 0 BEGIN"
	" DELETE FROM event WHERE id <= NEW.id - 4096; END;"
	EVENT("event_namespace_create", "INSERT ON namespace", "/namespaces/create",
	      "NEW.name", "NEW.name", "NULL", "NULL", "NULL")
	EVENT("event_namespace_delete", "DELETE ON namespace", "/namespaces/delete",
	      "OLD.name", "OLD.name", "NULL", "NULL", "NULL")
	EVENT("event_container_create", "INSERT ON container", "/containers/create",
	      "NEW.ns", "NEW.id", "NEW.name", "NEW.image", "NULL")
	EVENT("event_container_rename", "UPDATE OF name ON container", "/containers/update",
	      "NEW.ns", "NEW.id", "NEW.name", "NEW.image", "NULL")
	EVENT("event_container_delete", "DELETE ON container", "/containers/delete",
	      "OLD.ns", "OLD.id", "OLD.name", "OLD.image", "NULL")
	EVENT("event_task_made", "INSERT ON container WHEN NEW.state = 2", "/tasks/start",
	      "NEW.ns", "NEW.id", "NEW.name", "NEW.image", "NULL")
	EVENT("event_task_start",
	      "UPDATE OF state ON container WHEN NEW.state = 2 AND OLD.state <> 2",
	      "/tasks/start", "NEW.ns", "NEW.id", "NEW.name", "NEW.image", "NULL")
	EVENT("event_task_exit",
	      "UPDATE OF state ON container WHEN NEW.state = 3 AND OLD.state <> 3",
	      "/tasks/exit", "NEW.ns", "NEW.id", "NEW.name", "NEW.image", "NEW.exit_code")
	EVENT("event_task_gone", "DELETE ON container WHEN OLD.state = 2", "/tasks/exit",
	      "OLD.ns", "OLD.id", "OLD.name", "OLD.image", "OLD.exit_code")
	EVENT("event_task_delete",
	      "UPDATE OF state ON container WHEN NEW.state = 1 AND OLD.state = 3",
	      "/tasks/delete", "NEW.ns", "NEW.id", "NEW.name", "NEW.image", "OLD.exit_code")
	EVENT("event_image_create", "INSERT ON image WHEN NEW.name IS NOT NULL", "/images/create",
	      "NEW.ns", "NEW.name", "NULL", "NULL", "NULL")
	EVENT("event_image_delete", "DELETE ON image WHEN OLD.name IS NOT NULL", "/images/delete",
	      "OLD.ns", "OLD.name", "NULL", "NULL", "NULL")
	EVENT("event_volume_create", "INSERT ON volume", "/volumes/create",
	      "NEW.ns", "NEW.name", "NULL", "NULL", "NULL")
	EVENT("event_volume_delete", "DELETE ON volume", "/volumes/delete",
	      "OLD.ns", "OLD.name", "NULL", "NULL", "NULL")
	EVENT("event_snapshot_prepare", "INSERT ON snapshot WHEN NEW.kind <> 1",
	      "/snapshot/prepare", "''", "CAST(NEW.id AS TEXT)", "NULL", "NULL", "NULL")
	EVENT("event_snapshot_commit",
	      "UPDATE OF ready, kind ON snapshot WHEN NEW.ready > OLD.ready OR NEW.kind < OLD.kind",
	      "/snapshot/commit", "''", "CAST(NEW.id AS TEXT)", "NULL", "NULL", "NULL")
	EVENT("event_snapshot_remove", "DELETE ON snapshot WHEN OLD.ready", "/snapshot/remove",
	      "''", "CAST(OLD.id AS TEXT)", "NULL", "NULL", "NULL")
	EVENT("event_content_create", "INSERT ON blob", "/content/create",
	      "''", "NEW.digest", "NULL", "NULL", "NULL")
	EVENT("event_content_delete", "DELETE ON blob", "/content/delete",
	      "''", "OLD.digest", "NULL", "NULL", "NULL"),

	/* 4: what may run is found without the rest; when an id map was used last */
	"CREATE INDEX container_live ON container (created_ns)"
	" WHERE state = 2 OR (state = 3 AND exit_code = -1);"
	"CREATE TABLE map_use (driver TEXT NOT NULL, map TEXT NOT NULL,"
	" used_ns INTEGER NOT NULL, PRIMARY KEY (driver, map)) WITHOUT ROWID;"
	"INSERT INTO map_use SELECT driver, " SQL_MAP_OF("map") ", max(created_ns)"
	" FROM snapshot WHERE " SQL_HAS_MAP("map") " GROUP BY 1, 2;"
	"CREATE TRIGGER map_used AFTER INSERT ON snapshot WHEN " SQL_HAS_MAP("NEW.map")
	" BEGIN INSERT INTO map_use (driver, map, used_ns)"
	" VALUES (NEW.driver, " SQL_MAP_OF("NEW.map") ", NEW.created_ns)"
	" ON CONFLICT DO UPDATE SET used_ns = max(used_ns, NEW.created_ns); END;",
};

const int schema_version = (int)ARRAY_SIZE(schema_migrations);
