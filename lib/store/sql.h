/* sql.h - every statement of the program, with its name.
 *
 * Inside lib/store only.  Parameters are ?1, ?2 ... in the order in which the
 * callers give them.  An unset digest is NULL.
 */
#pragma once

#include "lib/store/schema.h"
#include "lib/store/snapshots.h"

/* x: the digest of a blob that nothing holds but flat leases, which keep what
 * they name and nothing that this refers to. */
#define HELD_FLATLY(x)							\
	" EXISTS (SELECT 1 FROM lease_blob f WHERE f.digest = " x	\
	"  AND EXISTS (SELECT 1 FROM label WHERE kind = 7"		\
	"   AND object = CAST(f.lease AS TEXT) AND key = 'containerd.io/gc.flat'))" \
	" AND NOT EXISTS (SELECT 1 FROM lease_blob h WHERE h.digest = " x \
	"  AND NOT EXISTS (SELECT 1 FROM label WHERE kind = 7"		\
	"   AND object = CAST(h.lease AS TEXT) AND key = 'containerd.io/gc.flat'))" \
	" AND NOT EXISTS (SELECT 1 FROM blob_ref WHERE dst = " x ")"	\
	" AND NOT EXISTS (SELECT 1 FROM image WHERE target = " x ")"	\
	" AND NOT EXISTS (SELECT 1 FROM image WHERE manifest = " x ")"	\
	" AND NOT EXISTS (SELECT 1 FROM container WHERE manifest = " x ")"

/* Keys that begin with k, or with k and a dot. */
#define KEY_BELOW(k) " key >= " k " AND key < " k " || '/'"

#define HAS_ROOT_LABEL(kind, object)					\
	" EXISTS (SELECT 1 FROM label WHERE kind = " kind		\
	"  AND object = " object " AND key = 'containerd.io/gc.root')"

#define BLOB_UNREFERENCED						\
	" NOT EXISTS (SELECT 1 FROM lease_blob l WHERE l.digest = b.digest)"	\
	" AND NOT EXISTS (SELECT 1 FROM blob_ref r WHERE r.dst = b.digest"	\
	"  AND EXISTS (SELECT 1 FROM blob p WHERE p.digest = r.src"	\
	"   AND NOT (" HELD_FLATLY("p.digest") ")))"			\
	" AND NOT" HAS_ROOT_LABEL("5", "b.digest")			\
	" AND NOT EXISTS (SELECT 1 FROM label WHERE value = b.digest AND" \
	KEY_BELOW("'containerd.io/gc.ref.content'")			\
	"  AND NOT (kind = 5 AND object = b.digest))"			\
	" AND NOT EXISTS (SELECT 1 FROM image WHERE target = b.digest)"	\
	" AND NOT EXISTS (SELECT 1 FROM image WHERE manifest = b.digest)"	\
	" AND NOT EXISTS (SELECT 1 FROM image WHERE config = b.digest)"	\
	" AND NOT EXISTS (SELECT 1 FROM container c WHERE c.manifest = b.digest)" \
	" AND NOT EXISTS (SELECT 1 FROM container c WHERE c.image_id = b.digest)"

/* By a lease, its own label, or one that names it or, of a layer, its diff id. */
#define SNAPSHOT_HELD							\
	" (EXISTS (SELECT 1 FROM lease_snapshot l WHERE l.snapshot = s.id)" \
	" OR" HAS_ROOT_LABEL("6", "CAST(s.id AS TEXT)")		\
	" OR EXISTS (SELECT 1 FROM snapshot_name n JOIN label r"	\
	"  ON r.value = n.name AND r.ns = n.ns AND"			\
	KEY_BELOW("'containerd.io/gc.ref.snapshot.' || n.driver")	\
	"  WHERE n.snapshot = s.id)"					\
	" OR EXISTS (SELECT 1 FROM label WHERE value = s.diff_id AND"	\
	KEY_BELOW("'containerd.io/gc.ref.snapshot.' || s.driver") "))"

/* An active one, or a view. */
#define OWN_UNREFERENCED						\
	" NOT EXISTS (SELECT 1 FROM container WHERE snapshot = s.id)"	\
	" AND NOT" SNAPSHOT_HELD

/* A layer that images keep: of one of the id maps used last. */
#define LAYER_IS_KEPT							\
	" (" SQL_HAS_MAP("s.map") " AND (s.driver, " SQL_MAP_OF("s.map") ")"	\
	"  NOT IN (SELECT driver, map FROM map_use"			\
	"   ORDER BY used_ns DESC LIMIT -1 OFFSET " LAYER_MAPS_KEPT "))"

#define LAYER_UNREFERENCED						\
	" NOT EXISTS (SELECT 1 FROM snapshot_parent p WHERE p.parent = s.id)" \
	" AND NOT" SNAPSHOT_HELD						\
	" AND (NOT" LAYER_IS_KEPT					\
	"  OR NOT EXISTS (SELECT 1 FROM image_layer i WHERE i.diff_id = s.diff_id" \
	"   AND (EXISTS (SELECT 1 FROM image WHERE config = i.config)"	\
	"    OR EXISTS (SELECT 1 FROM container c WHERE c.image_id = i.config))))"

#define LEASE_COLUMNS							\
	"id, what, pid, start, boot, pidns, created_ns, expires_ns, ns, name"

#define IMAGE_COLUMNS							\
	"id, ns, name, target, media_type, size, manifest, config, platform," \
	" created_ns, put_ns, packed_size, unpacked_size"

#define CONTAINER_COLUMNS						\
	"id, ns, name, image, manifest, image_id, snapshot, state, created_ns," \
	" started_ns, finished_ns, pid, start, boot, exit_code, flags, restart, config"

#define SNAPSHOT_COLUMNS						\
	"id, kind, ready, driver, map, diff_id, size, inodes, created_ns"

/* "+ns": most objects are in one namespace, so its index would find all. */
#define SQL_STATEMENTS(SQL)						\
	/* the connection */						\
	SQL(BEGIN, "BEGIN IMMEDIATE")					\
	SQL(COMMIT, "COMMIT")						\
	SQL(ROLLBACK, "ROLLBACK")					\
	SQL(SYNC_NORMAL, "PRAGMA synchronous = 1")			\
	SQL(SYNC_FULL, "PRAGMA synchronous = 2")			\
	SQL(VERSION_GET, "PRAGMA user_version")				\
	SQL(META_OPEN, "SELECT value, EXISTS (SELECT 1 FROM lease)"	\
		" FROM meta WHERE key = 'boot'")			\
	SQL(META_SET, "INSERT INTO meta (key, value) VALUES (?1, ?2)"	\
		" ON CONFLICT (key) DO UPDATE SET value = ?2 WHERE value <> ?2") \
	/* namespaces and labels */					\
	SQL(NS_ADD, "INSERT INTO namespace (name, created_ns) VALUES (?1, ?2)" \
		" ON CONFLICT DO NOTHING")				\
	SQL(NS_LIST, "SELECT name FROM namespace UNION SELECT 'default'"	\
		" ORDER BY 1")						\
	SQL(NS_DELETE, "DELETE FROM namespace WHERE name = ?1")		\
	SQL(NS_USED, "SELECT EXISTS (SELECT 1 FROM container WHERE ns = ?1)"	\
		" OR EXISTS (SELECT 1 FROM image WHERE ns = ?1)"	\
		" OR EXISTS (SELECT 1 FROM volume WHERE ns = ?1)"	\
		" OR EXISTS (SELECT 1 FROM lease WHERE ns = ?1)"	\
		" OR EXISTS (SELECT 1 FROM snapshot_name WHERE ns = ?1)") \
	SQL(LABEL_LIST, "SELECT key, value FROM label"			\
		" WHERE kind = ?1 AND ns = ?2 AND object = ?3 ORDER BY key") \
	SQL(LABEL_LIST_NS, "SELECT object, key, value, ns FROM label"	\
		" WHERE kind = ?1 AND (?2 IS NULL OR ns = ?2)"		\
		" ORDER BY ns, object, key")				\
	SQL(LABEL_SET, "INSERT INTO label (kind, ns, object, key, value)" \
		" VALUES (?1, ?2, ?3, ?4, ?5)"				\
		" ON CONFLICT DO UPDATE SET value = ?5")		\
	SQL(LABEL_DELETE, "DELETE FROM label WHERE kind = ?1 AND ns = ?2" \
		" AND object = ?3 AND key = ?4")			\
	SQL(LABEL_DELETE_ALL, "DELETE FROM label WHERE kind = ?1 AND ns = ?2" \
		" AND object = ?3")					\
	/* leases */							\
	SQL(LEASE_ADD, "INSERT INTO lease (what, pid, start, boot, pidns," \
		" created_ns, expires_ns, ns, name)"			\
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"		\
		" ON CONFLICT DO NOTHING RETURNING id")			\
	SQL(LEASE_BY_NAME, "SELECT id FROM lease WHERE ns = ?1 AND name = ?2") \
	SQL(LEASE_BLOBS, "SELECT digest FROM lease_blob WHERE lease = ?1"	\
		" ORDER BY digest")					\
	SQL(LEASE_SNAPSHOTS, "SELECT n.driver, n.name FROM lease_snapshot l" \
		" JOIN snapshot_name n ON n.snapshot = l.snapshot"	\
		" WHERE l.lease = ?1 ORDER BY 1, 2")			\
	SQL(LEASE_DROP_BLOB, "DELETE FROM lease_blob WHERE lease = ?1 AND digest = ?2") \
	SQL(LEASE_DROP_SNAPSHOT, "DELETE FROM lease_snapshot"		\
		" WHERE lease = ?1 AND snapshot = ?2")			\
	SQL(LEASE_RENEW, "UPDATE lease SET expires_ns = ?2 WHERE id = ?1") \
	SQL(LEASE_DELETE, "DELETE FROM lease WHERE id = ?1")		\
	SQL(LEASE_LIST, "SELECT " LEASE_COLUMNS " FROM lease ORDER BY id") \
	SQL(LEASE_GET, "SELECT " LEASE_COLUMNS " FROM lease WHERE id = ?1") \
	SQL(LEASE_PIN_BLOB, "INSERT INTO lease_blob (lease, digest)"	\
		" SELECT id, ?2 FROM lease WHERE id = ?1"		\
		" ON CONFLICT DO UPDATE SET lease = lease")		\
	SQL(LEASE_PIN_SNAPSHOT, "INSERT INTO lease_snapshot (lease, snapshot)" \
		" SELECT id, ?2 FROM lease WHERE id = ?1"		\
		" ON CONFLICT DO UPDATE SET lease = lease")		\
	SQL(LEASE_UNPIN_BLOBS, "DELETE FROM lease_blob WHERE lease = ?1") \
	SQL(LEASE_UNPIN_SNAPSHOTS, "DELETE FROM lease_snapshot WHERE lease = ?1") \
	SQL(LEASE_STAGING, "SELECT id, driver FROM snapshot"		\
		" WHERE ready = 0 AND lease = ?1")			\
	SQL(LEASE_STAGING_DELETE, "DELETE FROM snapshot"		\
		" WHERE ready = 0 AND lease = ?1")			\
	/* content */							\
	SQL(BLOB_GET, "SELECT size, dying, created_ns FROM blob WHERE digest = ?1") \
	SQL(BLOB_LIST, "SELECT digest, size, created_ns FROM blob"	\
		" WHERE dying = 0 ORDER BY digest")			\
	SQL(BLOB_PUT, "INSERT INTO blob (digest, size, created_ns)"	\
		" VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET dying = 0, size = ?2") \
	SQL(BLOB_REVIVE, "UPDATE blob SET dying = 0 WHERE digest = ?1")	\
	SQL(BLOB_DOOM, "UPDATE blob SET dying = 1 WHERE digest = ?1 AND dying = 0") \
	SQL(BLOB_DELETE_DYING, "DELETE FROM blob WHERE digest = ?1 AND dying = 1") \
	SQL(BLOB_REF, "INSERT INTO blob_ref (src, dst) VALUES (?1, ?2)"	\
		" ON CONFLICT DO NOTHING")				\
	SQL(BLOB_UNREF, "DELETE FROM blob_ref WHERE src = ?1")		\
	SQL(BLOB_PINNED, "SELECT EXISTS (SELECT 1 FROM lease_blob WHERE digest = ?1)") \
	SQL(BLOB_MISSING, "SELECT dst FROM blob_ref r WHERE src = ?1"	\
		" AND NOT EXISTS (SELECT 1 FROM blob WHERE digest = r.dst AND dying = 0)" \
		" LIMIT 1")						\
	SQL(INGEST_GET, "SELECT lease, digest, size FROM ingest WHERE ref = ?1") \
	SQL(INGEST_LIST, "SELECT ref, size, created_ns, lease FROM ingest ORDER BY ref") \
	SQL(INGEST_PUT, "INSERT INTO ingest (ref, lease, digest, size, created_ns)" \
		" VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE"	\
		" SET lease = ?2, size = ?4")				\
	SQL(INGEST_FREE, "UPDATE ingest SET lease = 0 WHERE ref = ?1")	\
	SQL(INGEST_DELETE, "DELETE FROM ingest WHERE ref = ?1")		\
	/* images */							\
	SQL(IMAGE_INSERT, "INSERT INTO image (ns, name, target, media_type, size," \
		" manifest, config, platform, created_ns, put_ns, packed_size," \
		" unpacked_size) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9," \
		" ?10, ?11, ?12)")					\
	SQL(IMAGE_BY_NAME, "SELECT " IMAGE_COLUMNS " FROM image"	\
		" WHERE ns = ?1 AND name = ?2")				\
	SQL(IMAGE_BY_ROW, "SELECT " IMAGE_COLUMNS " FROM image WHERE id = ?1") \
	SQL(IMAGE_BY_DIGEST, "SELECT " IMAGE_COLUMNS " FROM image"	\
		" WHERE +ns = ?1 AND (config = ?2 OR manifest = ?2 OR target = ?2)" \
		" ORDER BY name IS NULL, put_ns DESC LIMIT 1")		\
	SQL(IMAGE_BY_PREFIX, "SELECT DISTINCT config FROM image"	\
		" WHERE +ns = ?1 AND config >= ?2 AND config < ?2 || 'g' LIMIT 5") \
	SQL(IMAGE_LIST, "SELECT " IMAGE_COLUMNS " FROM image"		\
		" WHERE ns = ?1 ORDER BY put_ns DESC, id DESC")		\
	SQL(IMAGE_LIST_CONFIG, "SELECT " IMAGE_COLUMNS " FROM image"	\
		" WHERE +ns = ?1 AND config = ?2"			\
		" ORDER BY put_ns DESC, id DESC")			\
	SQL(IMAGE_DELETE, "DELETE FROM image WHERE id = ?1")		\
	SQL(IMAGE_DELETE_LABELS, "DELETE FROM label WHERE kind = 4"	\
		" AND (ns, object) = (SELECT ns, name FROM image WHERE id = ?1)") \
	SQL(IMAGE_EXPIRED, "SELECT i.id, l.value FROM label l JOIN image i" \
		" ON i.ns = l.ns AND i.name = l.object"			\
		" WHERE l.kind = 4 AND l.key = 'containerd.io/gc.expire'")	\
	SQL(IMAGE_UNNAME, "UPDATE image SET name = NULL WHERE id = ?1")	\
	SQL(IMAGE_COUNT_CONFIG, "SELECT count(*) FROM image"		\
		" WHERE +ns = ?1 AND config = ?2")			\
	SQL(IMAGE_DROP_DANGLING, "DELETE FROM image"			\
		" WHERE ns = ?1 AND config = ?2 AND name IS NULL")	\
	SQL(IMAGE_LAYERS, "SELECT diff_id FROM image_layer"		\
		" WHERE config = ?1 ORDER BY ord")			\
	SQL(IMAGE_LAYER_ADD, "INSERT INTO image_layer (config, ord, diff_id)" \
		" VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET diff_id = ?3") \
	SQL(IMAGE_LAYER_SWEEP, "DELETE FROM image_layer AS l"		\
		" WHERE NOT EXISTS (SELECT 1 FROM image WHERE config = l.config)" \
		" AND NOT EXISTS (SELECT 1 FROM container WHERE image_id = l.config)") \
	SQL(IMAGE_LAYER_DEAD, "SELECT EXISTS (SELECT 1 FROM image_layer AS l" \
		" WHERE NOT EXISTS (SELECT 1 FROM image WHERE config = l.config)" \
		" AND NOT EXISTS (SELECT 1 FROM container WHERE image_id = l.config))") \
	SQL(IMAGE_USERS, "SELECT id FROM container"			\
		" WHERE image_id = ?2 AND +ns = ?1 ORDER BY id")	\
	SQL(IMAGE_INDEX, "SELECT DISTINCT target, size, media_type, ns, name" \
		" FROM image ORDER BY ns, name")			\
	/* snapshots */							\
	SQL(SNAPSHOT_ADD, "INSERT INTO snapshot (kind, driver, map, diff_id," \
		" ready, lease, created_ns) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)" \
		" RETURNING id")					\
	SQL(SNAPSHOT_GET, "SELECT " SNAPSHOT_COLUMNS " FROM snapshot WHERE id = ?1") \
	SQL(SNAPSHOT_LAYER, "SELECT id, ready, lease FROM snapshot"	\
		" WHERE driver = ?1 AND diff_id = ?2 AND map = ?3")	\
	SQL(SNAPSHOT_LIST, "SELECT " SNAPSHOT_COLUMNS " FROM snapshot"	\
		" WHERE ?1 IS NULL OR driver = ?1 ORDER BY id")		\
	SQL(SNAPSHOT_PARENTS, "SELECT parent FROM snapshot_parent"	\
		" WHERE snapshot = ?1 ORDER BY ord")			\
	SQL(SNAPSHOT_ADD_PARENT, "INSERT INTO snapshot_parent (snapshot, ord, parent)" \
		" SELECT ?1, ?2, id FROM snapshot WHERE id = ?3 AND ready = 1") \
	SQL(SNAPSHOT_HAS_CHILD, "SELECT EXISTS (SELECT 1 FROM snapshot_parent" \
		" WHERE parent = ?1)")					\
	SQL(SNAPSHOT_REFILE, "UPDATE OR IGNORE snapshot SET map = ?2"	\
		" WHERE id = ?1 AND ready = 0")				\
	SQL(SNAPSHOT_READY, "UPDATE snapshot SET ready = 1, lease = 0, size = ?2," \
		" inodes = ?3 WHERE id = ?1 AND ready = 0")		\
	SQL(SNAPSHOT_USAGE, "UPDATE snapshot SET size = ?2, inodes = ?3"	\
		" WHERE id = ?1")					\
	SQL(SNAPSHOT_DELETE, "DELETE FROM snapshot WHERE id = ?1")	\
	SQL(SNAPSHOT_DELETE_PARENTS, "DELETE FROM snapshot_parent WHERE snapshot = ?1") \
	SQL(SNAPSHOT_COMMIT, "UPDATE snapshot SET kind = 1, size = ?2, inodes = ?3" \
		" WHERE id = ?1 AND kind = 2 AND NOT EXISTS"		\
		" (SELECT 1 FROM container WHERE snapshot = ?1)")	\
	SQL(SNAPNAME_LIST, "SELECT snapshot, driver, name FROM snapshot_name" \
		" WHERE ns = ?1 AND (?2 IS NULL OR driver = ?2) ORDER BY 2, 3") \
	SQL(SNAPNAME_FIND, "SELECT snapshot FROM snapshot_name"		\
		" WHERE ns = ?1 AND driver = ?2 AND name = ?3")		\
	SQL(SNAPNAME_PUT, "INSERT INTO snapshot_name (ns, driver, name, snapshot)" \
		" VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING")	\
	SQL(SNAPNAME_DELETE, "DELETE FROM snapshot_name"		\
		" WHERE ns = ?1 AND driver = ?2 AND name = ?3")		\
	/* containers */						\
	SQL(CONTAINER_INSERT, "INSERT INTO container (ns, id, name, image, manifest," \
		" image_id, snapshot, state, created_ns, exit_code, flags, restart," \
		" config) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, -1, ?9, ?10," \
		" ?11) ON CONFLICT DO NOTHING")				\
	SQL(CONTAINER_BY_ID, "SELECT " CONTAINER_COLUMNS " FROM container" \
		" WHERE ns = ?1 AND id = ?2")				\
	SQL(CONTAINER_BY_NAME, "SELECT " CONTAINER_COLUMNS " FROM container" \
		" WHERE ns = ?1 AND name = ?2")				\
	SQL(CONTAINER_BY_PREFIX, "SELECT id FROM container"		\
		" WHERE ns = ?1 AND id >= ?2 AND id < ?2 || '~' LIMIT 5") \
	SQL(CONTAINER_LIST, "SELECT " CONTAINER_COLUMNS " FROM container" \
		" WHERE ?1 IS NULL OR ns = ?1 ORDER BY created_ns DESC, id") \
	SQL(CONTAINER_LIST_LIVE, "SELECT " CONTAINER_COLUMNS " FROM container" \
		" WHERE (?1 IS NULL OR ns = ?1) AND (state = 2 OR (state = 3 AND exit_code = -1))" \
		" ORDER BY created_ns DESC, id")			\
	SQL(CONTAINER_STARTED, "UPDATE container SET state = 2, started_ns = ?3," \
		" finished_ns = 0, pid = ?4, start = ?5, boot = ?6, exit_code = -1" \
		" WHERE ns = ?1 AND id = ?2")				\
	SQL(CONTAINER_FINISHED, "UPDATE container SET state = 3,"	\
		" started_ns = max(started_ns, ?3), finished_ns = ?4, exit_code = ?5" \
		" WHERE ns = ?1 AND id = ?2 AND started_ns <= ?3"	\
		" AND (state = 2 OR (state = 3 AND exit_code = -1"	\
		" AND (?5 <> -1 OR finished_ns = 0)))")			\
	SQL(CONTAINER_FORGET, "UPDATE container SET state = 1, started_ns = 0," \
		" finished_ns = 0, pid = 0, exit_code = -1"		\
		" WHERE ns = ?1 AND id = ?2 AND state = 3")		\
	SQL(CONTAINER_REBOOT, "UPDATE container SET state = 3, exit_code = -1" \
		" WHERE state = 2 AND boot <> ?1")			\
	SQL(CONTAINER_UPDATE, "UPDATE container SET config = ?3, restart = ?4," \
		" flags = ?5 WHERE ns = ?1 AND id = ?2")		\
	SQL(CONTAINER_RENAME, "UPDATE OR IGNORE container SET name = ?3"	\
		" WHERE ns = ?1 AND id = ?2")				\
	SQL(CONTAINER_DELETE, "DELETE FROM container WHERE ns = ?1 AND id = ?2" \
		" RETURNING snapshot")					\
	/* volumes */							\
	SQL(VOLUME_GET, "SELECT ns, name, anonymous, created_ns, options, dying," \
		" (SELECT count(*) FROM container_volume u WHERE u.ns = v.ns" \
		"  AND u.volume = v.name) FROM volume v WHERE ns = ?1 AND name = ?2") \
	SQL(VOLUME_LIST, "SELECT ns, name, anonymous, created_ns, options, dying," \
		" (SELECT count(*) FROM container_volume u WHERE u.ns = v.ns" \
		"  AND u.volume = v.name) FROM volume v"		\
		" WHERE ns = ?1 AND dying = 0 ORDER BY name")		\
	SQL(VOLUME_INSERT, "INSERT INTO volume (ns, name, anonymous, created_ns," \
		" options) VALUES (?1, ?2, ?3, ?4, ?5)")		\
	SQL(VOLUME_DOOM, "UPDATE volume SET dying = 1 WHERE ns = ?1 AND name = ?2") \
	SQL(VOLUME_DELETE_DYING, "DELETE FROM volume"			\
		" WHERE ns = ?1 AND name = ?2 AND dying = 1")		\
	SQL(VOLUME_DYING, "SELECT ns, name FROM volume WHERE dying = 1")	\
	SQL(VOLUME_USE, "INSERT INTO container_volume (ns, container, volume)" \
		" VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")		\
	SQL(VOLUME_USERS, "SELECT container FROM container_volume"	\
		" WHERE ns = ?1 AND volume = ?2 ORDER BY container")	\
	SQL(VOLUME_DOOM_OWN, "UPDATE volume AS v SET dying = 1"		\
		" WHERE ns = ?1 AND anonymous = 1 AND name IN (SELECT volume" \
		"  FROM container_volume WHERE ns = ?1 AND container = ?2)" \
		" AND NOT EXISTS (SELECT 1 FROM container_volume u"	\
		"  WHERE u.ns = v.ns AND u.volume = v.name AND u.container <> ?2)") \
	SQL(VOLUME_UNUSE, "DELETE FROM container_volume"		\
		" WHERE ns = ?1 AND container = ?2")			\
	/* collection */						\
	SQL(GC_BLOBS, "SELECT digest, size FROM blob b"			\
		" WHERE dying = 1 OR (" BLOB_UNREFERENCED ") LIMIT ?1")	\
	SQL(GC_DOOM_BLOB, "UPDATE blob AS b SET dying = 1"		\
		" WHERE digest = ?1 AND dying = 0 AND " BLOB_UNREFERENCED)	\
	SQL(GC_SNAPSHOTS, "SELECT id, driver, size FROM snapshot s WHERE ready = 1" \
		" AND ((kind = 1 AND " LAYER_UNREFERENCED ") OR (kind <> 1 AND" \
		OWN_UNREFERENCED ")) LIMIT ?1")				\
	SQL(GC_SNAPSHOT, "DELETE FROM snapshot AS s WHERE id = ?1 AND"	\
		" ((kind = 1 AND " LAYER_UNREFERENCED ") OR (kind <> 1 AND" \
		OWN_UNREFERENCED "))")					\
	SQL(GC_MANY_MAPS, "SELECT count(*) > " LAYER_MAPS_KEPT " FROM map_use") \
	SQL(GC_MAPS, "DELETE FROM map_use AS u WHERE NOT EXISTS"	\
		" (SELECT 1 FROM snapshot WHERE kind = 1"	\
		"  AND driver = u.driver AND " SQL_MAP_OF("map") " = u.map)") \
	SQL(GC_INGESTS, "SELECT ref FROM ingest i WHERE (created_ns < ?1 OR digest IS NULL)" \
		" AND NOT EXISTS (SELECT 1 FROM lease WHERE id = i.lease) LIMIT ?2") \
	SQL(GC_INGEST, "DELETE FROM ingest AS i WHERE ref = ?1"		\
		" AND NOT EXISTS (SELECT 1 FROM lease WHERE id = i.lease)") \
	/* checks */							\
	SQL(CHECK_QUICK, "PRAGMA quick_check(20)")			\
	SQL(CHECK_DEEP, "PRAGMA integrity_check(20)")			\
	SQL(CHECK_IMAGES, "SELECT i.id, i.ns, coalesce(i.name, i.config), d.digest" \
		" FROM image i JOIN (SELECT id, target AS digest FROM image UNION" \
		" SELECT id, manifest FROM image UNION SELECT id, config FROM image UNION" \
		" SELECT n.id, r.dst FROM image n JOIN blob_ref r ON r.src = n.manifest) d" \
		" ON d.id = i.id WHERE NOT EXISTS (SELECT 1 FROM blob"	\
		"  WHERE digest = d.digest AND dying = 0) ORDER BY 2, 3, 4") \
	SQL(CHECK_MANIFEST, "SELECT i.manifest FROM snapshot s JOIN image_layer l" \
		" ON l.diff_id = s.diff_id JOIN image i ON i.config = l.config" \
		" WHERE s.id = ?1 ORDER BY i.name IS NULL LIMIT 1")	\
	SQL(CHECK_RUNNING, "SELECT c.name FROM container c JOIN snapshot_parent p" \
		" ON p.snapshot = c.snapshot WHERE p.parent = ?1 AND c.state = 2 LIMIT 1") \
	SQL(CHECK_HIDE, "UPDATE snapshot SET map = '" LAYER_LOST "' || id || ':' || map" \
		" WHERE id = ?1 AND map NOT LIKE '" LAYER_LOST "%'")	\
	SQL(CHECK_SUCCESSOR, "SELECT n.id FROM snapshot o JOIN snapshot n" \
		" ON n.diff_id = o.diff_id AND n.driver = o.driver AND n.ready = 1" \
		" AND o.map = '" LAYER_LOST "' || o.id || ':' || n.map WHERE o.id = ?1") \
	SQL(CHECK_REPLACE, "UPDATE snapshot_parent SET parent = ?2 WHERE parent = ?1") \
	/* rebuild: from the JSON of rows.h */				\
	SQL(REBUILD_SNAPSHOT, "INSERT INTO snapshot (id, kind, driver, map, diff_id," \
		" ready, lease, size, inodes, created_ns)"		\
		" SELECT ?1, json_extract(?3, '$.kind'), ?2, json_extract(?3, '$.map')," \
		" json_extract(?3, '$.diffId'), 1, 0,"			\
		" coalesce(json_extract(?3, '$.size'), 0),"		\
		" coalesce(json_extract(?3, '$.inodes'), 0),"		\
		" coalesce(json_extract(?3, '$.created'), 0)"		\
		" WHERE json_extract(?3, '$.kind') BETWEEN 1 AND 3"	\
		" AND json_type(?3, '$.map') = 'text' ON CONFLICT DO NOTHING") \
	SQL(REBUILD_PARENTS, "INSERT INTO snapshot_parent (snapshot, ord, parent)" \
		" SELECT ?1, key, value FROM json_each(?2, '$.parents')") \
	SQL(REBUILD_CONTAINER, "INSERT INTO container (ns, id, name, image, manifest," \
		" image_id, snapshot, state, created_ns, exit_code, flags, restart, config)" \
		" SELECT ?1, ?2, json_extract(?3, '$.name'), json_extract(?3, '$.image')," \
		" json_extract(?3, '$.manifest'), json_extract(?3, '$.imageId')," \
		" coalesce(json_extract(?3, '$.snapshot'), 0), 1,"	\
		" coalesce(json_extract(?3, '$.created'), 0), -1,"	\
		" coalesce(json_extract(?3, '$.flags'), 0), json_extract(?3, '$.restart')," \
		" json_extract(?3, '$.config')"				\
		" WHERE json_type(?3, '$.name') = 'text'"		\
		" AND (coalesce(json_extract(?3, '$.snapshot'), 0) = 0 OR EXISTS" \
		"  (SELECT 1 FROM snapshot WHERE id = json_extract(?3, '$.snapshot')))" \
		" ON CONFLICT DO NOTHING")				\
	SQL(REBUILD_LABELS, "INSERT INTO label (kind, ns, object, key, value)" \
		" SELECT ?4, ?1, ?2, key, value FROM json_each(?3, '$.labels')") \
	SQL(REBUILD_VOLUME, "INSERT INTO volume (ns, name, anonymous, created_ns," \
		" options) SELECT ?1, ?2, coalesce(json_extract(?3, '$.anonymous'), 0)," \
		" json_extract(?3, '$.created'), coalesce(json_extract(?3, '$.options'), '')" \
		" WHERE json_type(?3, '$.created') = 'integer'")	\
	SQL(REBUILD_KEEP, "INSERT INTO label (kind, ns, object, key, value)" \
		" SELECT 6, '', CAST(id AS TEXT), 'containerd.io/gc.root', 'rebuilt'" \
		" FROM snapshot s WHERE diff_id IS NULL"		\
		" AND NOT EXISTS (SELECT 1 FROM container WHERE snapshot = s.id)") \
	SQL(REBUILD_LAYERS, "SELECT count(*) FROM snapshot WHERE diff_id IS NOT NULL") \
	/* why: kind, namespace, object, how it holds ?1, as the conditions above */ \
	SQL(WHY_BLOB, "SELECT 4, ns, coalesce(name, config), CASE ?1"	\
		"  WHEN target THEN 'is its name' WHEN manifest THEN 'is made of it'" \
		"  ELSE 'is configured by it' END"			\
		" FROM image WHERE target = ?1 OR manifest = ?1 OR config = ?1" \
		" UNION ALL SELECT 1, ns, name, 'was made from it' FROM container" \
		"  WHERE manifest = ?1 OR image_id = ?1"		\
		" UNION ALL SELECT 5, '', r.src, 'refers to it' FROM blob_ref r" \
		"  JOIN blob p ON p.digest = r.src WHERE r.dst = ?1"	\
		"   AND NOT (" HELD_FLATLY("p.digest") ")"		\
		" UNION ALL SELECT 7, '', CAST(lease AS TEXT), 'works with it'" \
		"  FROM lease_blob WHERE digest = ?1"			\
		" UNION ALL SELECT kind, '', object, 'has the label ' || key FROM label" \
		"  WHERE kind = 5 AND object = ?1 AND key = 'containerd.io/gc.root'" \
		" UNION ALL SELECT kind, ns, object, 'has the label ' || key FROM label" \
		"  WHERE value = ?1 AND" KEY_BELOW("'containerd.io/gc.ref.content'") \
		"   AND NOT (kind = 5 AND object = ?1)")		\
	SQL(WHY_SNAPSHOT, "SELECT 1, ns, name, 'has its files there' FROM container" \
		"  WHERE snapshot = ?1"					\
		" UNION ALL SELECT 6, '', CAST(snapshot AS TEXT), 'lies on it'" \
		"  FROM snapshot_parent WHERE parent = ?1"		\
		" UNION ALL SELECT 7, '', CAST(lease AS TEXT), 'works with it'" \
		"  FROM lease_snapshot WHERE snapshot = ?1"		\
		" UNION ALL SELECT 4, m.ns, coalesce(m.name, m.config), 'has this layer'" \
		"  FROM snapshot s JOIN image_layer i ON i.diff_id = s.diff_id" \
		"  JOIN image m ON m.config = i.config WHERE s.id = ?1 AND s.kind = 1" \
		"   AND" LAYER_IS_KEPT					\
		" UNION ALL SELECT 1, c.ns, c.name, 'is of an image with this layer'" \
		"  FROM snapshot s JOIN image_layer i ON i.diff_id = s.diff_id" \
		"  JOIN container c ON c.image_id = i.config WHERE s.id = ?1 AND s.kind = 1" \
		"   AND" LAYER_IS_KEPT					\
		" UNION ALL SELECT kind, '', object, 'has the label ' || key FROM label" \
		"  WHERE kind = 6 AND object = ?1 AND key = 'containerd.io/gc.root'" \
		" UNION ALL SELECT r.kind, r.ns, r.object, 'has the label ' || r.key" \
		"  FROM snapshot_name n JOIN label r ON r.value = n.name AND r.ns = n.ns AND" \
		KEY_BELOW("'containerd.io/gc.ref.snapshot.' || n.driver") \
		"  WHERE n.snapshot = ?1"				\
		" UNION ALL SELECT r.kind, r.ns, r.object, 'has the label ' || r.key" \
		"  FROM snapshot s JOIN label r ON r.value = s.diff_id AND" \
		KEY_BELOW("'containerd.io/gc.ref.snapshot.' || s.driver") \
		"  WHERE s.id = ?1")					\
	/* events */							\
	SQL(EVENT_LIST, "SELECT id, time_ns, topic, ns, object, name, image," \
		" coalesce(code, -1) FROM event WHERE id > ?1 ORDER BY id LIMIT ?2") \
	SQL(EVENT_TASK, "INSERT INTO event (time_ns, topic, ns, object, name, image)" \
		" SELECT ?4, ?3, ns, id, name, image FROM container"	\
		" WHERE ns = ?1 AND id = ?2")				\
	SQL(EVENT_LAST, "SELECT coalesce(max(id), 0) FROM event")	\
	SQL(EVENT_VERSION, "PRAGMA data_version")			\
	/* usage */							\
	SQL(USAGE_IMAGES, "SELECT count(DISTINCT i.config), count(DISTINCT c.image_id)" \
		" FROM image i LEFT JOIN container c"			\
		" ON c.ns = i.ns AND c.image_id = i.config WHERE i.ns = ?1") \
	SQL(USAGE_CONTAINERS, "SELECT count(*), coalesce(sum(state = 2), 0)" \
		" FROM container WHERE ns = ?1")			\
	SQL(USAGE_VOLUMES, "SELECT count(*), (SELECT count(DISTINCT volume)" \
		" FROM container_volume WHERE ns = ?1)"			\
		" FROM volume WHERE ns = ?1 AND dying = 0")		\
	SQL(USAGE_BLOBS, "SELECT count(*), coalesce(sum(size), 0)"	\
		" FROM blob WHERE dying = 0")				\
	SQL(USAGE_LAYERS, "SELECT count(*), coalesce(sum(size), 0),"	\
		" coalesce(sum(inodes), 0), coalesce(sum(CASE WHEN EXISTS"	\
		" (SELECT 1 FROM snapshot_parent WHERE parent = s.id)"	\
		" THEN 0 ELSE size END), 0) FROM snapshot s"		\
		" WHERE kind = 1 AND ready = 1")			\
	SQL(USAGE_ACTIVE, "SELECT coalesce(sum(size), 0) FROM snapshot"	\
		" WHERE kind <> 1")					\
	SQL(USAGE_INGESTS, "SELECT count(*) FROM ingest")

#define SQL_ENUM(name, text) SQL_##name,

enum sql {
	SQL_STATEMENTS(SQL_ENUM)
	SQL_COUNT,
};
