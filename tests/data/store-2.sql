-- meta.db as version 2 made it, with a few rows: what an upgrade must keep.
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE namespace (name TEXT PRIMARY KEY, created_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE label (kind INTEGER NOT NULL, ns TEXT NOT NULL, object TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, ns, object, key)) WITHOUT ROWID;
CREATE TABLE lease (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL, pid INTEGER NOT NULL, start INTEGER NOT NULL, boot TEXT NOT NULL, pidns INTEGER NOT NULL, created_ns INTEGER NOT NULL, expires_ns INTEGER NOT NULL);
CREATE TABLE lease_blob (digest TEXT NOT NULL, lease INTEGER NOT NULL, PRIMARY KEY (digest, lease)) WITHOUT ROWID;
CREATE TABLE lease_snapshot (snapshot INTEGER NOT NULL, lease INTEGER NOT NULL, PRIMARY KEY (snapshot, lease)) WITHOUT ROWID;
CREATE TABLE blob (digest TEXT PRIMARY KEY, size INTEGER NOT NULL, created_ns INTEGER NOT NULL, dying INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE blob_ref (dst TEXT NOT NULL, src TEXT NOT NULL, PRIMARY KEY (dst, src)) WITHOUT ROWID;
CREATE INDEX blob_ref_src ON blob_ref (src);
CREATE TABLE ingest (ref TEXT PRIMARY KEY, lease INTEGER NOT NULL, digest TEXT, size INTEGER NOT NULL, created_ns INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE image (id INTEGER PRIMARY KEY AUTOINCREMENT, ns TEXT NOT NULL, name TEXT, target TEXT NOT NULL, media_type TEXT NOT NULL, size INTEGER NOT NULL, manifest TEXT NOT NULL, config TEXT NOT NULL, platform TEXT, created_ns INTEGER NOT NULL, put_ns INTEGER NOT NULL, packed_size INTEGER NOT NULL, unpacked_size INTEGER NOT NULL, UNIQUE (ns, name));
CREATE INDEX image_target ON image (target);
CREATE INDEX image_manifest ON image (manifest);
CREATE INDEX image_config ON image (config);
CREATE TABLE image_layer (config TEXT NOT NULL, ord INTEGER NOT NULL, diff_id TEXT NOT NULL, PRIMARY KEY (config, ord)) WITHOUT ROWID;
CREATE INDEX image_layer_diff ON image_layer (diff_id);
CREATE TABLE snapshot (id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, driver TEXT NOT NULL, map TEXT NOT NULL, diff_id TEXT, ready INTEGER NOT NULL, lease INTEGER NOT NULL, size INTEGER NOT NULL DEFAULT 0, inodes INTEGER NOT NULL DEFAULT 0, created_ns INTEGER NOT NULL, UNIQUE (diff_id, driver, map));
CREATE TABLE snapshot_parent (snapshot INTEGER NOT NULL, ord INTEGER NOT NULL, parent INTEGER NOT NULL, PRIMARY KEY (snapshot, ord)) WITHOUT ROWID;
CREATE INDEX snapshot_parent_parent ON snapshot_parent (parent);
CREATE TABLE container (ns TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, image TEXT, manifest TEXT, image_id TEXT, snapshot INTEGER NOT NULL, state INTEGER NOT NULL, created_ns INTEGER NOT NULL, started_ns INTEGER NOT NULL DEFAULT 0, finished_ns INTEGER NOT NULL DEFAULT 0, pid INTEGER NOT NULL DEFAULT 0, start INTEGER NOT NULL DEFAULT 0, boot TEXT NOT NULL DEFAULT '', exit_code INTEGER NOT NULL, flags INTEGER NOT NULL, restart TEXT, config TEXT, PRIMARY KEY (ns, id), UNIQUE (ns, name));
CREATE INDEX container_manifest ON container (manifest);
CREATE INDEX container_image ON container (image_id);
CREATE INDEX container_snapshot ON container (snapshot);
CREATE TABLE volume (ns TEXT NOT NULL, name TEXT NOT NULL, anonymous INTEGER NOT NULL, created_ns INTEGER NOT NULL, options TEXT, dying INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (ns, name)) WITHOUT ROWID;
CREATE TABLE container_volume (ns TEXT NOT NULL, volume TEXT NOT NULL, container TEXT NOT NULL, PRIMARY KEY (ns, volume, container)) WITHOUT ROWID;
INSERT INTO meta VALUES ('boot', '00000000-0000-0000-0000-000000000000');
INSERT INTO namespace VALUES ('dev', 1700000000000000000);
INSERT INTO label VALUES (1, 'default', 'c1', 'tier', 'web');
INSERT INTO container (ns, id, name, image, snapshot, state, created_ns, started_ns,
 boot, exit_code, flags, restart, config) VALUES ('default', 'c1', 'old', 'alpine', 0, 2,
 1700000000000000000, 1700000001000000000, '00000000-0000-0000-0000-000000000000', -1, 3, 'no', '{}');
INSERT INTO volume (ns, name, anonymous, created_ns, options) VALUES ('default', 'data', 0, 1700000000000000000, '');
INSERT INTO container_volume VALUES ('default', 'data', 'c1');
CREATE INDEX container_volume_container ON container_volume (ns, container);
PRAGMA user_version = 2;
COMMIT;
