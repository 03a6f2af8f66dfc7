#include "lib/store/check.h"

#include <assert.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/blob.h"
#include "lib/store/containers.h"
#include "lib/store/images.h"
#include "lib/store/layout.h"
#include "lib/store/snapshot.h"
#include "lib/store/volumes.h"

#define QUARANTINE "quarantine"

void findings_auto(struct findings *l)
{
	for (size_t i = 0; i < l->len; i++) {
		free(l->v[i].ns);
		free(l->v[i].object);
		free(l->v[i].what);
	}
	free(l->v);
	*l = (struct findings)FINDINGS_INIT;
}

struct finding *findings_add(struct findings *l, enum check_kind kind, const char *ns,
			     const char *object, const char *what)
{
	struct finding *f;

	l->v = mem_more(l->v, l->len, sizeof(*l->v));
	f = &l->v[l->len++];
	*f = (struct finding){
		.kind = kind, .ns = mem_str(ns), .object = mem_str(object), .what = mem_str(what),
	};
	return f;
}

struct check {
	struct store *s;
	check_blob_fn *deep;
	struct findings found;
};

static struct finding *add(struct check *c, enum check_kind kind, const char *ns,
			   const char *object, const char *what)
{
	return findings_add(&c->found, kind, ns, object, what);
}

/* --- the database --- */

static int check_database(struct check *c, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, c->s, c->deep ? SQL_CHECK_DEEP : SQL_CHECK_QUICK, NO_ARGS, e);

	while (r >= 0 && (r = db_next(c->s, st, e)) > 0)
		if (!str_eq(db_peek(st, 0), "ok"))
			(void)add(c, CHECK_DATABASE, "", "meta.db", db_peek(st, 0));
	if (r == -EBADMSG) {
		(void)add(c, CHECK_DATABASE, "", "meta.db", e->text);
		err_clear(e);
		r = 0;
	}
	return r;
}

static int check_layout(struct check *c, struct err *e)
{
	int r = layout_check(c->s, e);

	if (r != -EBADMSG)
		return r;
	(void)add(c, CHECK_LAYOUT, "", "content", e->text);
	err_clear(e);
	return 0;
}

/* --- blobs --- */

static int check_blob(struct check *c, const struct blob *b, struct err *e)
{
	char digest[DIGEST_TEXT_MAX];
	struct stat st;
	AUTO_FD int fd = content_get(c->s, &b->digest, NULL, e);
	int r = fd < 0 ? fd : 0;

	if (r == -ENOENT) {		/* removed meanwhile */
		err_clear(e);
		return 0;
	}
	if (r == 0 && fstat(fd, &st) == 0 && (st.st_mode & 0222))
		r = err_set(e, EBADMSG, "it can be written to (mode %03o)",
			    (unsigned)st.st_mode & 0777);
	if (r == 0 && c->deep)
		r = c->deep(fd, &b->digest, e);
	if (r != -EBADMSG)
		return r;
	digest_print(&b->digest, digest);
	add(c, CHECK_BLOB, "", digest, e->text)->blob = b->digest;
	err_clear(e);
	return 0;
}

static int check_blobs(struct check *c, struct err *e)
{
	AUTO(blobs) struct blobs all = BLOBS_INIT;
	int r = content_list(&all, c->s, e);

	for (size_t i = 0; i < all.len && r == 0; i++)
		r = check_blob(c, &all.v[i], e);
	return r;
}

/* --- images: every blob of the one that was chosen has a row --- */

static int check_images(struct check *c, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, c->s, SQL_CHECK_IMAGES, NO_ARGS, e);

	while (r >= 0 && (r = db_next(c->s, st, e)) > 0) {
		AUTO_FREE char *what = mem_printf("blob %s is not in the store", db_peek(st, 3));

		add(c, CHECK_IMAGE, db_peek(st, 1), db_peek(st, 2), what)->row = db_int(st, 0);
	}
	return r;
}

/* --- snapshots --- */

static void add_snapshot(struct check *c, const struct snapshot *s, const char *what)
{
	char object[DIGEST_TEXT_MAX];
	bool is_layer = s->kind == SNAPSHOT_LAYER && digest_is_set(&s->diff_id);

	if (is_layer)
		digest_print(&s->diff_id, object);
	else
		snprintf(object, sizeof(object), "%s/%lld", s->driver, (long long)s->id);
	add(c, is_layer ? CHECK_LAYER : CHECK_SNAPSHOT, "", object, what)->row = s->id;
}

static int check_snapshot(struct check *c, const struct snapshot *s, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	AUTO_FD int fd = snapshot_open(c->s, s->driver, s->id, e);
	struct stat tree;
	int r;

	err_clear(e);
	if (fd >= 0 && fstatat(fd, "fs", &tree, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(tree.st_mode))
		return 0;
	/* Is it still one? */
	r = db_query(&st, c->s, SQL_SNAPSHOT_GET, ARGS(I(s->id)), e);
	if (r == 0)
		r = db_next(c->s, st, e);
	if (r > 0)
		add_snapshot(c, s, fd < 0 ? "its directory is lost" : "its files are lost");
	return r < 0 ? r : 0;
}

static int check_snapshots(struct check *c, struct err *e)
{
	AUTO(snapshots) struct snapshots all = SNAPSHOTS_INIT;
	int r = snapshot_list(&all, c->s, NULL, e);

	for (size_t i = 0; i < all.len && r == 0; i++)
		if (all.v[i].is_ready && !str_starts(all.v[i].map, LAYER_LOST))
			r = check_snapshot(c, &all.v[i], e);
	return r;
}

/* --- containers and volumes --- */

static int check_container(struct check *c, const struct container *row, struct err *e)
{
	AUTO(container) struct container now = CONTAINER_INIT;
	AUTO(snapshot) struct snapshot snap = SNAPSHOT_INIT;
	AUTO_FD int fd = container_open_dir(c->s, row->ns, row->id, e);
	const char *what = NULL;
	int r = 0;

	err_clear(e);
	if (fd < 0)
		what = "its directory is lost";
	else if (faccessat(fd, "config.json", R_OK, AT_SYMLINK_NOFOLLOW) < 0)
		what = "its config.json is lost";
	else if (row->snapshot && (r = snapshot_get(&snap, c->s, row->snapshot, e)) == -ENOENT)
		what = "its snapshot is lost";
	if (r < 0 && r != -ENOENT)
		return r;
	err_clear(e);
	if (!what)
		return 0;
	r = container_get(&now, c->s, row->ns, row->id, e);
	if (r == 0)
		(void)add(c, CHECK_CONTAINER, row->ns, row->name, what);
	err_clear(e);
	return r == -ENOENT ? 0 : r;
}

static int check_containers(struct check *c, struct err *e)
{
	AUTO(containers) struct containers all = CONTAINERS_INIT;
	int r = container_list(&all, c->s, NULL, e);

	for (size_t i = 0; i < all.len && r == 0; i++)
		r = check_container(c, &all.v[i], e);
	return r;
}

static int check_volumes(struct check *c, struct err *e)
{
	AUTO(strv) struct strv spaces = STRV_INIT;
	int r = store_ns_list(&spaces, c->s, e);

	for (size_t i = 0; i < spaces.len && r == 0; i++) {
		AUTO(volumes) struct volumes all = VOLUMES_INIT;

		r = volume_list(&all, c->s, spaces.v[i], e);
		for (size_t j = 0; j < all.len && r == 0; j++) {
			AUTO_FREE char *path = volume_path(c->s, spaces.v[i], all.v[j].name);
			struct stat st;

			if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
				(void)add(c, CHECK_VOLUME, spaces.v[i], all.v[j].name,
					  "its directory is lost");
		}
	}
	return r;
}

int check_store(struct findings *out, struct store *s, check_blob_fn *deep, struct err *e)
{
	static int (*const parts[])(struct check *, struct err *) = {
		check_database,	 check_layout,	   check_blobs,	  check_images,
		check_snapshots, check_containers, check_volumes,
	};
	struct check c = { .s = s, .deep = deep, .found = FINDINGS_INIT };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts) && r == 0; i++)
		r = parts[i](&c, e);
	if (r < 0) {
		findings_auto(&c.found);
		return r;
	}
	*out = c.found;
	return 0;
}

/* --- repair --- */

int check_drop_blob(struct store *s, const struct digest *d, struct err *e)
{
	char path[BLOB_PATH_MAX], to[DIGEST_TEXT_MAX + 64], digest[DIGEST_TEXT_MAX];
	int content = store_dir(s, STORE_DIR_CONTENT, e);
	AUTO_FD int quarantine = -1;

	if (content < 0)
		return content;
	quarantine = fs_mkdirs(content, QUARANTINE, 0700, e);
	if (quarantine < 0)
		return quarantine;
	blob_path(d, path);
	digest_hex(d, digest);
	snprintf(to, sizeof(to), "%s-%llx", digest, (unsigned long long)clock_wall_ns());
	/* The row goes even where the file is lost. */
	if (renameat(content, path, quarantine, to) < 0 && errno != ENOENT)
		return err_sys(e, "move blob '%s' to quarantine", path);
	return content_delete(s, d, e);
}

int check_layer_manifest(struct digest *out, struct store *s, int64_t id, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, SQL_CHECK_MANIFEST, ARGS(I(id)), e);

	if (r == 0)
		r = db_next(s, st, e);
	if (r == 0)
		return err_set(e, ENOENT, "no image has this layer");
	return r < 0 ? r : db_digest(out, st, 0, e);
}

static int is_in_use(struct store *s, int64_t id, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, SQL_CHECK_RUNNING, ARGS(I(id)), e);

	if (r == 0)
		r = db_next(s, st, e);
	return r > 0 ? err_set(e, EBUSY, "container '%s' runs on it", db_peek(st, 0)) : r;
}

int check_hide_layer(struct digest *manifest, struct store *s, int64_t id, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int r = store_begin(&tx, s, STORE_DURABLE, e);

	if (r == 0)
		r = check_layer_manifest(manifest, s, id, e);
	if (r == 0)
		r = is_in_use(s, id, e);
	if (r == 0)
		r = db_run(s, SQL_CHECK_HIDE, ARGS(I(id)), e);
	return r < 0 ? r : store_commit(&tx, e);
}

int check_replace_layer(struct store *s, int64_t old, struct err *e)
{
	int64_t made = 0;
	int r;

	assert(s->depth == 0);
	{
		AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;

		r = store_begin(&tx, s, STORE_DURABLE, e);
		if (r == 0)
			r = db_one(&made, s, SQL_CHECK_SUCCESSOR, ARGS(I(old)), e);
		if (r == 0)
			r = db_run(s, SQL_CHECK_REPLACE, ARGS(I(old), I(made)), e);
		if (r >= 0)
			r = store_commit(&tx, e);
	}
	return r < 0 ? r : snapshot_remove(s, old, e);
}
