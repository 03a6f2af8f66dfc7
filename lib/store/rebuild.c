#include "lib/store/rebuild.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"
#include "lib/store/content.h"
#include "lib/store/db.h"
#include "lib/store/rows.h"

#define LOST "lost"
#define ANONYMOUS_LEN 64		/* the name of an anonymous volume */

struct rebuild {
	struct store *s;
	check_blob_fn *blob;
	struct rebuild_result res;
	const char *what;		/* "snapshots" */
	const char *parent;		/* a driver, a namespace, "sha256" */
};

/* One object: dirfd/name.  -EBADMSG: it cannot be made out. */
typedef int each_fn(struct rebuild *b, int dirfd, const char *name, struct err *e);

struct visit {
	struct rebuild *b;
	each_fn *fn;
};

static int put_aside(struct rebuild *b, int dirfd, const char *name, struct err *e)
{
	AUTO_FREE char *to = mem_printf("%s-%s-%s", b->what, b->parent, name);
	int root = store_dir(b->s, STORE_DIR_ROOT, e);
	AUTO_FD int lost = root < 0 ? -1 : fs_mkdirs(root, LOST, 0700, e);

	if (lost < 0)
		return -e->code;
	if (renameat(dirfd, name, lost, to) < 0)
		return err_sys(e, "put '%s' aside", to);
	return 0;
}

static int visit_one(int dirfd, const char *name, unsigned char type UNUSED, void *arg,
		     struct err *e)
{
	const struct visit *v = arg;
	struct rebuild *b = v->b;
	int r = v->fn(b, dirfd, name, e);

	if (r != -EBADMSG && r != -ENOENT)
		return r;
	strv_addf(&b->res.lost, "%s/%s/%s: %s", b->what, b->parent, name, e->text);
	err_clear(e);
	return put_aside(b, dirfd, name, e);
}

static int visit_parent(int dirfd, const char *name, unsigned char type UNUSED, void *arg,
			struct err *e)
{
	const struct visit *v = arg;
	AUTO_FD int fd = fs_open_dir(dirfd, name, e);

	if (fd < 0) {			/* no directory: nobody's */
		err_clear(e);
		return 0;
	}
	v->b->parent = name;
	return fs_each(fd, visit_one, arg, e);
}

/* --- each kind --- */

static int blob(struct rebuild *b, int dirfd, const char *name, struct err *e)
{
	AUTO_FREE char *text = mem_printf("%s:%s", b->parent, name);
	AUTO_FD int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct digest d;
	struct stat st;
	int r = digest_parse(&d, text, strlen(text), e);

	if (r < 0)
		return err_set(e, EBADMSG, "not the name of a blob");
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, EBADMSG, "it cannot be read");
	r = b->blob(fd, &d, e);
	if (r == 0)
		r = db_run(b->s, SQL_BLOB_PUT,
			   ARGS(D(&d), I(st.st_size), I(clock_wall_ns())), e);
	b->res.blobs += r >= 0;
	return r < 0 ? r : 0;
}

/* Reads the row beside an object; it is JSON. */
static int read_row(struct buf *text, int dirfd, const char *name, struct err *e)
{
	AUTO_FD int dir = fs_open_dir(dirfd, name, e);
	AUTO(json) json_t *doc = NULL;
	int r = dir < 0 ? dir : fs_read(dir, ROW_FILE, text, e);

	if (r == 0)
		r = json_load_strict(&doc, text->data, text->len, e);
	if (r < 0)
		err_clear(e);
	return r < 0 ? err_set(e, EBADMSG, "nothing readable says what it is") : 0;
}

static int snapshot(struct rebuild *b, int dirfd, const char *name, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(KIB(256));
	uint64_t id;
	int r = num_u64(name, 1, INT64_MAX, &id, e);

	/* What was being unpacked is unpacked again. */
	if (r < 0 && strstr(name, ".staging")) {
		err_clear(e);
		return store_trash(b->s, dirfd, name, e);
	}
	if (r < 0)
		return err_set(e, EBADMSG, "not the name of a snapshot");
	r = read_row(&text, dirfd, name, e);
	if (r == 0)
		r = db_run(b->s, SQL_REBUILD_SNAPSHOT, ARGS(I(id), T(b->parent), T(text.data)), e);
	if (r == 0)
		return err_set(e, EBADMSG, "what is said of it is not enough");
	if (r > 0)
		r = db_run(b->s, SQL_REBUILD_PARENTS, ARGS(I(id), T(text.data)), e);
	b->res.snapshots += r >= 0;
	return r < 0 ? r : 0;
}

static int container(struct rebuild *b, int dirfd, const char *name, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(2 * MAX_SPEC);
	int r;

	if (!str_is_name(b->parent) || !str_is_name(name))
		return err_set(e, EBADMSG, "not the name of a container");
	r = read_row(&text, dirfd, name, e);
	if (r == 0)
		r = store_use_ns(b->s, b->parent, e);
	if (r == 0)
		r = db_run(b->s, SQL_REBUILD_CONTAINER,
			   ARGS(T(b->parent), T(name), T(text.data)), e);
	if (r == 0)
		return err_set(e, EBADMSG, "what is said of it is not enough");
	if (r > 0)
		r = db_run(b->s, SQL_REBUILD_LABELS,
			   ARGS(T(b->parent), T(name), T(text.data), I(LABEL_CONTAINER)), e);
	b->res.containers += r >= 0;
	return r < 0 ? r : 0;
}

/* Nothing says what it was: it is there all the same. */
static int adopt_volume(struct rebuild *b, const char *name, struct err *e)
{
	bool is_anonymous = strlen(name) == ANONYMOUS_LEN &&
			    strspn(name, "0123456789abcdef") == ANONYMOUS_LEN;

	err_clear(e);
	strv_addf(&b->res.lost, "volumes/%s/%s: its labels and options; its files are there",
		  b->parent, name);
	return db_run(b->s, SQL_VOLUME_INSERT,
		      ARGS(T(b->parent), T(name), I(is_anonymous), I(clock_wall_ns()), T("")), e);
}

static int volume(struct rebuild *b, int dirfd, const char *name, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(2 * MAX_SPEC);
	struct stat st;
	int r = 0;

	/* A draft, or what never was one. */
	if (!str_is_name(b->parent) || !str_is_name(name))
		return 0;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	r = store_use_ns(b->s, b->parent, e);
	if (r == 0)
		r = read_row(&text, dirfd, name, e);
	if (r == 0)
		r = db_run(b->s, SQL_REBUILD_VOLUME,
			   ARGS(T(b->parent), T(name), T(text.data)), e);
	if (r > 0)
		r = db_run(b->s, SQL_REBUILD_LABELS,
			   ARGS(T(b->parent), T(name), T(text.data), I(LABEL_VOLUME)), e);
	else if (r == 0 || r == -EBADMSG)
		r = adopt_volume(b, name, e);
	b->res.volumes += r >= 0;
	return r < 0 ? r : 0;
}

/* --- all --- */

static int every(struct rebuild *b, enum store_dir d, const char *below, const char *what,
		 each_fn *fn, struct err *e)
{
	struct visit v = { .b = b, .fn = fn };
	int dir = store_dir(b->s, d, e);
	AUTO_FD int fd = dir < 0 ? -1 : below ? fs_open_dir(dir, below, e) :
						fcntl(dir, F_DUPFD_CLOEXEC, 3);

	if (fd < 0)
		return e->code ? -e->code : err_sys(e, "open '%s'", what);
	b->what = what;
	return fs_each(fd, visit_parent, &v, e);
}

int rebuild_rows(struct rebuild_result *out, struct store *s, check_blob_fn *check,
		 struct err *e)
{
	struct rebuild b = { .s = s, .blob = check, .res = REBUILD_RESULT_INIT };
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int64_t layers = 0;
	int r = store_begin(&tx, s, STORE_DURABLE, e);

	if (r == 0)
		r = every(&b, STORE_DIR_CONTENT, "blobs", "blobs", blob, e);
	if (r == 0)
		r = every(&b, STORE_DIR_SNAPSHOTS, NULL, "snapshots", snapshot, e);
	if (r == 0)
		r = every(&b, STORE_DIR_CONTAINERS, NULL, "containers", container, e);
	if (r == 0)
		r = every(&b, STORE_DIR_VOLUMES, NULL, "volumes", volume, e);
	/* A user's snapshot had a name, which is lost; it is kept. */
	if (r == 0)
		r = db_run(s, SQL_REBUILD_KEEP, NO_ARGS, e);
	if (r >= 0)
		r = db_one(&layers, s, SQL_REBUILD_LAYERS, NO_ARGS, e);
	if (r >= 0)
		r = store_commit(&tx, e);
	if (r < 0) {
		strv_clear(&b.res.lost);
		return r;
	}
	b.res.layers = (uint64_t)layers;
	b.res.snapshots -= b.res.layers;
	*out = b.res;
	return 0;
}

int rebuild_index(struct buf *out, struct store *s, struct err *e)
{
	int root = store_dir(s, STORE_DIR_ROOT, e);

	return root < 0 ? root : fs_read(root, STORE_REBUILDING, out, e);
}

int rebuild_end(struct store *s, struct err *e)
{
	int root = store_dir(s, STORE_DIR_ROOT, e);

	if (root < 0)
		return root;
	if (unlinkat(root, STORE_REBUILDING, 0) < 0 && errno != ENOENT)
		return err_sys(e, "remove '%s'", STORE_REBUILDING);
	return fs_sync_dir(root, STORE_REBUILDING, e);
}
