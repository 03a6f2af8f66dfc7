#include "lib/store/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "lib/base/failpoint.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/os/fstype.h"
#include "lib/store/content.h"
#include "lib/store/db.h"
#include "lib/store/layout.h"
#include "lib/store/schema.h"
#include "lib/store/wal.h"

#define SPLIT_FILE "split"
#define MAX_DB_DIR (512 - 32)		/* sqlite's for a path, less a name */

static const struct {
	enum store_dir parent;		/* ROOT moves with a split, CONTENT does not */
	const char *name;
} places[STORE_DIR_COUNT] = {
	[STORE_DIR_ROOT] = { STORE_DIR_ROOT, "" },
	[STORE_DIR_CONTENT] = { STORE_DIR_CONTENT, "" },
	[STORE_DIR_INGEST] = { STORE_DIR_CONTENT, "ingest" },
	[STORE_DIR_SNAPSHOTS] = { STORE_DIR_ROOT, "snapshots" },
	[STORE_DIR_VOLUMES] = { STORE_DIR_ROOT, "volumes" },
	[STORE_DIR_CONTAINERS] = { STORE_DIR_ROOT, "containers" },
	[STORE_DIR_TRASH] = { STORE_DIR_ROOT, "trash" },
};

static int lock(struct store *s, int how, struct err *e)
{
	int r;

	do
		r = flock(s->lock_fd, how);
	while (r < 0 && errno == EINTR);
	return r < 0 ? err_sys(e, "lock the store") : 0;
}

static char *join(const char *dir, const char *name)
{
	return *name ? mem_printf("%s/%s", dir, name) : mem_str(dir);
}

static void set_paths(struct store *s, const char *root, const char *content)
{
	for (size_t i = 0; i < STORE_DIR_COUNT; i++) {
		free(s->paths[i]);
		s->paths[i] = join(places[i].parent == STORE_DIR_ROOT ? root : content,
				   places[i].name);
	}
}

/* Where the local part of a split store lies: one directory per root. */
static char *local_root(const char *local, const char *root)
{
	uint64_t h = 14695981039346656037ull;	/* FNV-1a: a name, not a secret */

	for (const char *p = root; *p; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211ull;
	return mem_printf("%s/store-%016llx", local, (unsigned long long)h);
}

/* The directory above it is ours as well: in a public one, others could make
 * what we would take for the store. */
static int open_local(const char *local, struct err *e)
{
	const char *name = strrchr(local, '/') + 1;
	AUTO_FREE char *dir = mem_strn(local, (size_t)(name - 1 - local));
	AUTO_FD int above = fs_mkdirs(AT_FDCWD, dir, 0700, e);
	AUTO_FD int fd = -1;
	int r = above < 0 ? above : fs_check_private(above, dir, e);

	if (r < 0)
		return r;
	if (fstype_remote(above))
		return err_set(e, EOPNOTSUPP, "'%s' is on %s, too", dir, fstype_remote(above));
	fd = fs_mkdirs(above, name, 0700, e);
	r = fd < 0 ? fd : fs_check_private(fd, local, e);
	return r < 0 ? r : take_fd(&fd);
}

/* Makes a new store in two places when root's file system asks for that. */
static int choose_split(char **local, int root_fd, const struct store_options *o,
			struct err *e)
{
	const char *remote = fstype_remote(root_fd);
	AUTO_FREE char *path = NULL;
	AUTO_FD int fd = -1;
	int r;

	if (!remote && !o->split)
		return 0;
	if (!o->local)
		return err_set(e, EOPNOTSUPP, "'%s' is on %s, which cannot hold the database",
			       o->root, remote);
	path = local_root(o->local, o->root);
	fd = open_local(path, e);
	if (fd < 0)
		return err_hint(e, err_ctx(e, fd, "'%s' is on %s, which cannot hold the database",
					   o->root, remote), "store.remote");
	r = fs_replace(root_fd, SPLIT_FILE, path, strlen(path), 0600, FS_SYNC, e);
	if (r == 0)
		*local = take(path);
	return r;
}

/* Finds out, and for a new store decides, where the two parts are; leaves the
 * directory of the database in dirs[ROOT]. */
static int find_parts(struct store *s, const struct store_options *o, int *root_fd,
		      struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_PATH);
	AUTO_FREE char *local = NULL;
	AUTO_FREE char *content = join(o->root, "content");
	int r = fs_read(*root_fd, SPLIT_FILE, &text, e);

	if (r == 0 && text.data[0] != '/')
		r = err_set(e, EBADMSG, "'%s/" SPLIT_FILE "' names no directory", o->root);
	if (r == 0) {
		local = mem_str(text.data);
	} else if (r == -ENOENT) {
		err_clear(e);
		r = faccessat(*root_fd, META_DB, F_OK, 0) < 0 ?
			choose_split(&local, *root_fd, o, e) : 0;
	}
	if (r < 0)
		return r;
	if (!local) {
		set_paths(s, o->root, content);
		s->dirs[STORE_DIR_ROOT] = take_fd(root_fd);
		return 0;
	}
	s->is_split = true;
	set_paths(s, local, content);
	r = s->dirs[STORE_DIR_ROOT] = open_local(local, e);
	return r < 0 ? r : 0;
}

/* A new database is complete before it has its name. */
static int create_db(struct store *s, struct err *e)
{
	static const char tmp[] = FS_NEW META_DB;
	AUTO_FREE char *path = join(s->paths[STORE_DIR_ROOT], tmp);
	int root = s->dirs[STORE_DIR_ROOT];
	AUTO_FD int fd = -1;
	int off = 0;
	int r;

	/* We hold the lock alone: what is there is of a creator that died. */
	(void)unlinkat(root, tmp, 0);
	(void)unlinkat(root, FS_NEW META_DB "-wal", 0);
	(void)unlinkat(root, FS_NEW META_DB "-shm", 0);
	fd = openat(root, tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "create the database in '%s'", s->paths[STORE_DIR_ROOT]);
	fd_auto(&fd);
	r = db_open(s, path, false, e);
	if (r < 0)
		return r;
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	(void)sqlite3_file_control(s->db, "main", SQLITE_FCNTL_PERSIST_WAL, &off);
	r = db_script(s, "PRAGMA journal_mode = WAL; BEGIN", e);
	for (int i = 0; r == 0 && i < schema_version; i++)
		r = db_script(s, schema_migrations[i], e);
	if (r == 0) {
		AUTO_FREE char *end = mem_printf("PRAGMA user_version = %d; COMMIT",
						 schema_version);

		r = db_script(s, end, e);
	}
	if (r == 0)
		r = db_run(s, SQL_META_SET, ARGS(T("boot"), T(s->boot)), e);
	if (r >= 0)			/* the close does not say how that went */
		r = db_script(s, "PRAGMA wal_checkpoint(TRUNCATE)", e);
	db_close(s);			/* removes the log */
	if (r < 0)
		return err_ctx(e, r, "create the database");
	r = failpoint("store.create", e);
	/* No log of a database that is gone; and here for good, since sqlite goes
	 * on when the name of a new one cannot be synced. */
	if (r == 0)
		r = fs_replace(root, META_DB "-wal", "", 0, 0600, FS_NOSYNC, e);
	if (r < 0)
		return r;
	if (renameat(root, tmp, root, META_DB) < 0)
		return err_sys(e, "name the database");
	return fs_sync_dir(root, META_DB, e);
}

/* blobs/sha256, ingest, and the two files that make it an OCI layout. */
static int create_content(struct store *s, struct err *e)
{
	AUTO_FREE char *blobs = join(s->paths[STORE_DIR_CONTENT], "blobs");
	AUTO_FREE char *sha256 = join(blobs, "sha256");
	AUTO_FD int fd = -1;
	int r;

	fd = fs_mkdirs(AT_FDCWD, sha256, 0700, e);
	if (fd < 0)
		return fd;
	fd_auto(&fd);
	fd = fs_open_dir(AT_FDCWD, blobs, e);
	r = fd < 0 ? fd : fs_sync_dir(fd, blobs, e);
	if (r < 0)
		return r;
	fd_auto(&fd);
	fd = fs_open_dir(AT_FDCWD, s->paths[STORE_DIR_CONTENT], e);
	return fd < 0 ? fd : layout_make(fd, e);
}

/* Who can rename a directory above ours can put another store in its place.
 * Directories of other users (root's, /tmp) are the host's business; a group
 * that is our own is taken for a private one, as umask 002 systems have it. */
static int check_above(const char *path, struct err *e)
{
	AUTO_FREE char *dir = mem_str(path);

	for (char *p = strrchr(dir, '/'); p && p > dir; p = strrchr(dir, '/')) {
		struct stat st;

		*p = '\0';
		if (stat(dir, &st) < 0)
			return err_sys(e, "stat '%s'", dir);
		if (st.st_uid != geteuid() || (st.st_mode & S_ISVTX))
			continue;
		if ((st.st_mode & 0002) || ((st.st_mode & 0020) && st.st_gid != getegid()))
			return err_set(e, EPERM,
				       "'%s' can be written by others (mode %03o)", dir,
				       st.st_mode & 0777);
	}
	return 0;
}

/* A store that is lost with the name of a directory above it is not safe: those
 * up to where its file system begins may be new as well. */
static int sync_above(const char *path, struct err *e)
{
	AUTO_FREE char *dir = mem_str(path);
	struct stat own, st;
	int r = stat(dir, &own) < 0 ? err_sys(e, "stat '%s'", dir) : 0;

	for (char *p = strrchr(dir, '/'); r == 0 && p && p > dir; p = strrchr(dir, '/')) {
		AUTO_FD int fd = -1;

		*p = '\0';
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 && errno == EACCES)
			continue;		/* not made by us */
		if (fd < 0 || fstat(fd, &st) < 0)
			return err_sys(e, "open '%s'", dir);
		if (st.st_dev != own.st_dev)
			break;
		r = fs_sync_dir(fd, dir, e);
	}
	return r;
}

static int create(struct store *s, struct err *e)
{
	int r = check_above(s->paths[STORE_DIR_ROOT], e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < STORE_DIR_COUNT; i++) {
		AUTO_FD int fd = fs_mkdirs(AT_FDCWD, s->paths[i], 0700, e);

		if (fd < 0)
			return fd;
		fstype_keep_case(fd);
	}
	r = create_content(s, e);
	if (r == 0)
		r = sync_above(s->paths[STORE_DIR_CONTENT], e);
	if (r == 0)
		r = sync_above(s->paths[STORE_DIR_ROOT], e);
	if (r == 0)
		r = create_db(s, e);
	if (r == 0)
		store_keep_room(s);
	return r;
}

/* Where nothing is overwritten in place, a full disk would end us by SIGBUS in the
 * memory that sqlite's processes share: who is alone has it to himself. */
static int open_alone(struct store *s, struct err *e)
{
	if (s->is_read_only || !fstype_is_cow(s->dirs[STORE_DIR_ROOT]) || store_has_room(s))
		return 0;
	s->is_alone = true;
	return db_script(s, "PRAGMA locking_mode = EXCLUSIVE", e);
}

static int open_connection(struct store *s, const char *path, struct err *e)
{
	int r = db_open(s, path, s->is_read_only, e);

	s->is_alone = false;
	return r < 0 ? r : open_alone(s, e);
}

static int read_meta(struct store *s, bool *leases, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, SQL_META_OPEN, NO_ARGS, e);

	if (r == 0)
		r = db_next(s, st, e);
	s->is_new_boot = r <= 0 || !str_eq(db_peek(st, 0), s->boot);
	*leases = r > 0 && db_int(st, 1);
	return r < 0 ? r : 0;
}

static int migrate(struct store *s, int version, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	AUTO_FREE char *set = mem_printf("PRAGMA user_version = %d", version);
	int r = store_begin(&tx, s, STORE_DURABLE, e);

	if (r == 0)
		r = db_script(s, schema_migrations[version - 1], e);
	if (r == 0)
		r = db_script(s, set, e);
	return r < 0 ? r : store_commit(&tx, e);
}

/* Runs the migrations that an older store lacks.  Alone: others that wait for
 * the lock find it done. */
static int upgrade(struct store *s, const char *path, struct err *e)
{
	int64_t version = 0;
	bool leases;
	int r;

	db_close(s);
	r = lock(s, LOCK_EX, e);
	if (r < 0)
		return r;
	r = open_connection(s, path, e);
	if (r < 0)
		return r;
	r = db_one(&version, s, SQL_VERSION_GET, NO_ARGS, e);
	if (r == 0)
		r = read_meta(s, &leases, e);
	for (int i = (int)version + 1; r == 0 && i <= schema_version; i++) {
		r = migrate(s, i, e);
		if (r < 0)
			r = err_ctx(e, r, "upgrade the store to version %d", i);
		else
			r = failpoint("store.upgrade", e);
	}
	/* Statements prepared before know the old tables. */
	db_close(s);
	return r < 0 ? r : open_connection(s, path, e);
}

static int check_version(struct store *s, const char *path,
			 const struct store_options *o, struct err *e)
{
	int64_t version = 0;
	int r = db_one(&version, s, SQL_VERSION_GET, NO_ARGS, e);

	if (r < 0)
		return r;
	if (version > schema_version)
		return err_set(e, EPROTONOSUPPORT,
			       "the store '%s' was made by a newer version (%d, this one knows %d)",
			       o->root, (int)version, schema_version);
	if (version == schema_version)
		return 0;
	if (s->is_read_only)
		return err_set(e, EROFS, "the store '%s' must be upgraded first", o->root);
	r = upgrade(s, path, e);
	if (r < 0)
		return r;
	return o->exclusive ? 0 : lock(s, LOCK_SH, e);
}

/* The first opener after a reboot sets right what the database believes. */
static int after_reboot(struct store *s, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int changed, r;

	r = store_begin(&tx, s, STORE_FAST, e);
	if (r < 0)
		return r;
	changed = db_run(s, SQL_CONTAINER_REBOOT, ARGS(T(s->boot)), e);
	if (changed < 0)
		return changed;
	r = db_run(s, SQL_META_SET, ARGS(T("boot"), T(s->boot)), e);
	if (r < 0)
		return r;
	s->is_index_stale = true;	/* it is not synced when it is written */
	if (changed > 0)
		strv_addf(&s->notices, "the machine was restarted: %d container%s ended",
			  changed, changed == 1 ? "" : "s");
	r = store_commit(&tx, e);
	/* What tells this boot from others is not lost with the log. */
	return r < 0 ? r : db_checkpoint(s, e);
}

/* Without the lock it may also be that another one writes just now. */
static int check_log(struct store *s, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	sqlite3_int64 end;

	if (wal_look(&end, s->db, s->is_alone) < WAL_LOST)
		return 0;
	return store_begin(&tx, s, STORE_FAST, e);
}

static int recover(struct store *s, struct err *e)
{
	bool leases;
	int r = read_meta(s, &leases, e);

	if (r < 0 || s->is_read_only)
		return r;
	r = s->is_new_boot ? after_reboot(s, e) : check_log(s, e);
	s->is_new_boot = false;
	if (r < 0)
		return r;
	return leases ? lease_recover(s, e) : 0;
}

static int open_lock(struct store *s, const struct store_options *o, struct err *e)
{
	static const int always = O_CLOEXEC | O_NOFOLLOW;
	int flags = o->read_only ? O_RDONLY : O_RDWR | (o->create ? O_CREAT : 0);
	int root = s->dirs[STORE_DIR_ROOT];

	s->lock_fd = openat(root, "lock", flags | always, 0600);
	/* What is there can be looked at. */
	if (s->lock_fd < 0 && errno == EROFS && !o->exclusive) {
		s->lock_fd = openat(root, "lock", O_RDONLY | always);
		s->is_read_only = s->lock_fd >= 0;
		errno = EROFS;
	}
	if (s->lock_fd < 0 && errno == EROFS)
		return err_hint(e, err_sys(e, "open the lock of '%s'", o->root), "store.read-only");
	if (s->lock_fd < 0 && errno == ENOENT)
		return err_set(e, ENOENT, "no store in '%s'", o->root);
	if (s->lock_fd < 0)
		return err_sys(e, "open the lock of '%s'", o->root);
	return lock(s, o->exclusive ? LOCK_EX : LOCK_SH, e);
}

/* --- a database that is lost --- */

static int find_any(int dirfd, const char *name, unsigned char type, void *arg, struct err *e)
{
	AUTO_FD int fd = -1;

	/* One level down: namespaces and drivers stay when they are empty. */
	if (!arg)
		return 1;
	if (type != DT_DIR && type != DT_UNKNOWN)
		return 0;
	fd = fs_open_dir(dirfd, name, e);
	return fd < 0 ? fd : fs_each(fd, find_any, NULL, e);
}

/* Is there what only a database could have made?  A reset removes that first. */
static int check_new(struct store *s, const struct store_options *o, struct err *e)
{
	static const enum store_dir dirs[] = { STORE_DIR_SNAPSHOTS, STORE_DIR_CONTAINERS };
	AUTO_FREE char *resetting = join(o->root, STORE_RESETTING);
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(dirs) && r == 0; i++) {
		AUTO_FD int fd = open(s->paths[dirs[i]], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0 && faccessat(AT_FDCWD, resetting, F_OK, 0) < 0)
			r = fs_each(fd, find_any, s, e);
	}
	if (r <= 0)
		return r;
	r = err_set(e, EUCLEAN, "the database of '%s' is lost", o->root);
	return err_hint(e, r, "store.lost");
}

static int create_new(struct store *s, const struct store_options *o, struct err *e)
{
	int r = check_new(s, o, e);
	int content;

	if (r == 0)
		r = create(s, e);
	if (r < 0 || !s->is_split)
		return r;
	content = store_dir(s, STORE_DIR_CONTENT, e);
	if (content < 0)
		return content;
	strv_addf(&s->notices, "'%s' is on %s: database, layers and volumes are in '%s'", o->root,
		  str_or(fstype_remote(content), "another disk"), s->paths[STORE_DIR_ROOT]);
	return 0;
}

static int is_whole(struct store *s, const char *path, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	sqlite3_int64 end;
	int r = db_open(s, path, true, e);

	if (r == 0)
		r = db_query(&st, s, SQL_CHECK_QUICK, NO_ARGS, e);
	if (r == 0)
		r = db_next(s, st, e);
	r = r > 0 && str_eq(db_peek(st, 0), "ok") &&
	    wal_look(&end, s->db, false) < WAL_LOST;
	db_rows_auto(&st);
	db_close(s);
	err_clear(e);
	return r;
}

static int mark_rebuild(struct store *s, struct err *e)
{
	AUTO(buf) struct buf index = BUF_INIT(MAX_STORE_INDEX);
	AUTO_FREE char *path = join(s->paths[STORE_DIR_CONTENT], "index.json");
	struct err none = ERR_INIT;

	(void)!fs_read(AT_FDCWD, path, &index, &none);
	return fs_replace(s->dirs[STORE_DIR_ROOT], STORE_REBUILDING, index.len ? index.data : "",
			  index.len, 0600, FS_SYNC, e);
}

/* The old files are kept; an empty database takes their place. */
static int begin_rebuild(struct store *s, const char *path, const struct store_options *o,
			 struct err *e)
{
	static const char *const ends[] = { "", "-wal", "-shm" };
	int root = s->dirs[STORE_DIR_ROOT];
	bool again = faccessat(root, STORE_REBUILDING, F_OK, 0) == 0;
	int r = 0;

	if (!again && is_whole(s, path, e))
		return err_set(e, EEXIST, "the database of '%s' is whole", o->root);
	if (!again)
		r = mark_rebuild(s, e);
	for (size_t i = 0; i < ARRAY_SIZE(ends) && r == 0; i++) {
		AUTO_FREE char *from = mem_printf(META_DB "%s", ends[i]);
		AUTO_FREE char *to = mem_printf(META_DB ".old%s", ends[i]);

		if (again)
			(void)unlinkat(root, from, 0);
		else if (renameat(root, from, root, to) < 0 && errno != ENOENT)
			r = err_sys(e, "rename '%s'", from);
	}
	if (r == 0)
		r = create(s, e);
	return r < 0 ? r : db_open(s, path, false, e);
}

static int open_db(struct store *s, const struct store_options *o, struct err *e)
{
	AUTO_FREE char *path = join(s->paths[STORE_DIR_ROOT], META_DB);
	int r;

	if (strlen(s->paths[STORE_DIR_ROOT]) > MAX_DB_DIR)
		return err_set(e, ENAMETOOLONG, "the path has %zu bytes, a database's at most %d",
			       strlen(s->paths[STORE_DIR_ROOT]), MAX_DB_DIR);
	if (o->rebuild)
		return begin_rebuild(s, path, o, e);
	if (faccessat(s->dirs[STORE_DIR_ROOT], STORE_REBUILDING, F_OK, 0) == 0) {
		r = err_set(e, EUCLEAN, "a rebuild of '%s' was cut off", o->root);
		return err_hint(e, r, "store.lost");
	}
	r = open_connection(s, path, e);
	if (r == -ENOENT && o->create && !s->is_read_only) {
		err_clear(e);
		r = lock(s, LOCK_EX, e);
		/* Another may have made it while we waited. */
		if (r == 0 && faccessat(s->dirs[STORE_DIR_ROOT], META_DB, F_OK, 0) < 0)
			r = create_new(s, o, e);
		if (r == 0 && !o->exclusive)
			r = lock(s, LOCK_SH, e);
		if (r == 0)
			r = open_connection(s, path, e);
	}
	return r < 0 ? r : check_version(s, path, o, e);
}

static int open_parts(struct store *s, const struct store_options *o, struct err *e)
{
	AUTO_FD int root = -1;
	int r;

	root = open(o->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 && errno == ENOENT && o->create)
		root = fs_mkdirs(AT_FDCWD, o->root, 0700, e);
	else if (root < 0)
		return err_sys(e, "open the store '%s'", o->root);
	if (root < 0)
		return root;
	r = fs_check_private(root, o->root, e);
	if (r == 0)
		r = find_parts(s, o, &root, e);
	if (r == 0)
		r = open_lock(s, o, e);
	if (r == 0)
		r = open_db(s, o, e);
	if (r == 0)
		r = recover(s, e);
	return r;
}

int store_open(struct store **out, const struct store_options *o, struct err *e)
{
	AUTO(store) struct store *s = mem_new(struct store);
	int r;

	s->lock_fd = -1;
	s->is_read_only = o->read_only;
	for (size_t i = 0; i < STORE_DIR_COUNT; i++)
		s->dirs[i] = -1;
	if (o->root[0] != '/' || (o->local && o->local[0] != '/'))
		return err_set(e, EINVAL, "store '%s': not an absolute path", o->root);
	r = clock_boot_id(s->boot, e);
	if (r == 0)
		r = open_parts(s, o, e);
	if (r < 0)
		return r;
	*out = take(s);
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	db_close(s);
	for (size_t i = 0; i < STORE_DIR_COUNT; i++) {
		fd_auto(&s->dirs[i]);
		free(s->paths[i]);
	}
	fd_auto(&s->lock_fd);		/* lets the lock go, last */
	strv_clear(&s->notices);
	free(s->pending);
	free(s);
}

const struct strv *store_notices(const struct store *s)
{
	return &s->notices;
}

const char *store_boot(const struct store *s)
{
	return s->boot;
}

int store_dir(struct store *s, enum store_dir d, struct err *e)
{
	if (s->dirs[d] < 0)
		s->dirs[d] = fs_open_dir(AT_FDCWD, s->paths[d], e);
	return s->dirs[d];
}

const char *store_dir_path(const struct store *s, enum store_dir d)
{
	return s->paths[d];
}

int store_self(struct store *s, struct err *e)
{
	struct stat st;
	int r;

	if (s->self.pid)
		return 0;
	if (stat("/proc/self/ns/pid", &st) < 0)
		return err_sys(e, "look at our pid namespace");
	s->pidns = st.st_ino;
	r = proc_id_of(&s->self, getpid(), e);
	if (r < 0)
		s->self.pid = 0;
	return r;
}
