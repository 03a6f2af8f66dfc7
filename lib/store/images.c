#include "lib/store/images.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/failpoint.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/blob.h"

void image_clear(struct image *i)
{
	free(i->ns);
	free(i->name);
	free(i->media_type);
	free(i->platform);
	free(i->layers);
	*i = (struct image)IMAGE_INIT;
}

void images_clear(struct images *l)
{
	for (size_t i = 0; i < l->len; i++)
		image_clear(&l->v[i]);
	free(l->v);
	*l = (struct images)IMAGES_INIT;
}

/* A row of IMAGE_COLUMNS. */
static int from_row(struct image *out, sqlite3_stmt *st, struct err *e)
{
	AUTO(image) struct image i = {
		.row = db_int(st, 0),
		.ns = db_text(st, 1),
		.name = db_text(st, 2),
		.media_type = db_text(st, 4),
		.size = db_u64(st, 5),
		.platform = db_text(st, 8),
		.created_ns = db_u64(st, 9),
		.put_ns = db_u64(st, 10),
		.packed_size = db_u64(st, 11),
		.unpacked_size = db_u64(st, 12),
	};
	int r = db_digest(&i.target, st, 3, e);

	if (r == 0)
		r = db_digest(&i.manifest, st, 6, e);
	if (r == 0)
		r = db_digest(&i.config, st, 7, e);
	if (r < 0)
		return r;
	*out = i;
	i = (struct image)IMAGE_INIT;
	return 0;
}

/* 1, or 0: no row. */
static int one(struct image *out, struct store *s, enum sql q,
	       const struct db_arg *args, size_t count, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, q, args, count, e);

	if (r == 0)
		r = db_next(s, st, e);
	if (r > 0) {
		r = from_row(out, st, e);
		return r < 0 ? r : 1;
	}
	return r;
}

static int load_layers(struct image *i, struct store *s, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, SQL_IMAGE_LAYERS, ARGS(D(&i->config)), e);

	while (r >= 0 && (r = db_next(s, st, e)) > 0) {
		i->layers = mem_grow(i->layers, i->layer_count + 1, sizeof(*i->layers));
		r = db_digest(&i->layers[i->layer_count++], st, 0, e);
	}
	return r;
}

/* Finishes a lookup: r as one() gave it. */
static int found(struct image *out, struct image *i, struct store *s, int r,
		 const char *what, struct err *e)
{
	if (r == 0)
		return err_set(e, ENOENT, "no image '%s'", what);
	if (r > 0)
		r = load_layers(i, s, e);
	if (r < 0)
		return r;
	*out = *i;
	*i = (struct image)IMAGE_INIT;
	return 0;
}

int image_get(struct image *out, struct store *s, const char *ns,
	      const char *name, struct err *e)
{
	AUTO(image) struct image i = IMAGE_INIT;
	int r = one(&i, s, SQL_IMAGE_BY_NAME, ARGS(T(ns), T(name)), e);

	return found(out, &i, s, r, name, e);
}

/* The only config that begins so. */
static int by_prefix(struct digest *out, struct store *s, const char *ns,
		     const char *hex, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	AUTO_FREE char *prefix = mem_printf("sha256:%s", hex);
	AUTO(buf) struct buf many = BUF_INIT(ERR_TEXT_MAX);
	struct digest d = { .alg = DIGEST_NONE };
	int count = 0;
	int r = db_query(&st, s, SQL_IMAGE_BY_PREFIX, ARGS(T(ns), T(prefix)), e);

	while (r >= 0 && (r = db_next(s, st, e)) > 0) {
		(void)buf_addf(&many, " %.19s", db_peek(st, 0));
		count++;
		r = db_digest(&d, st, 0, e);
	}
	if (r < 0)
		return r;
	if (count > 1)
		return err_set(e, ENOTUNIQ, "'%s' fits several images:%s%s", hex, many.data,
			       count == 5 ? " ..." : "");
	*out = d;
	return count;
}

int image_find(struct image *out, struct store *s, const char *ns,
	       const char *text, struct err *e)
{
	AUTO(image) struct image i = IMAGE_INIT;
	const char *hex = str_after(text, "sha256:");
	struct err not_whole = ERR_INIT;
	struct digest d;
	int r;

	hex = hex ? hex : text;
	r = digest_parse(&d, text, strlen(text), &not_whole);
	if (r < 0) {
		if (!*hex || strlen(hex) > 64 || hex[strspn(hex, "0123456789abcdef")])
			return err_set(e, ENOENT, "no image '%s'", text);
		r = by_prefix(&d, s, ns, hex, e);
		if (r < 0)
			return r;
		if (r == 0)
			return err_set(e, ENOENT, "no image '%s'", text);
	}
	r = one(&i, s, SQL_IMAGE_BY_DIGEST, ARGS(T(ns), D(&d)), e);
	return found(out, &i, s, r, text, e);
}

int image_list(struct images *out, struct store *s, const char *ns,
	       const struct digest *config, struct err *e)
{
	AUTO(images) struct images l = IMAGES_INIT;
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = config ? db_query(&st, s, SQL_IMAGE_LIST_CONFIG, ARGS(T(ns), D(config)), e) :
			 db_query(&st, s, SQL_IMAGE_LIST, ARGS(T(ns)), e);

	while (r >= 0 && (r = db_next(s, st, e)) > 0) {
		l.v = mem_more(l.v, l.len, sizeof(*l.v));
		r = from_row(&l.v[l.len], st, e);
		l.len += r == 0;
	}
	if (r < 0)
		return r;
	*out = l;
	l = (struct images)IMAGES_INIT;
	return 0;
}

/* An image without its blobs must not get a name. */
static int check_blobs(struct store *s, const struct image *i, struct err *e)
{
	const struct digest *need[] = { &i->target, &i->manifest, &i->config };
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	char text[DIGEST_TEXT_MAX];
	int r;

	for (size_t n = 0; n < ARRAY_SIZE(need); n++) {
		r = content_has(s, need[n], e);
		if (r < 0)
			return r;
		digest_print(need[n], text);
		if (r == 0)
			return err_set(e, EBADMSG, "blob %s is not in the store", text);
	}
	r = db_query(&st, s, SQL_BLOB_MISSING, ARGS(D(&i->manifest)), e);
	if (r == 0)
		r = db_next(s, st, e);
	if (r > 0)
		return err_set(e, EBADMSG, "blob %s is not in the store", db_peek(st, 0));
	return r;
}

/* Takes the name from who has it; sets *lost to its config. */
static int free_name(struct store *s, const char *ns, const struct image *img,
		     const char *name, struct digest *lost, struct err *e)
{
	AUTO(image) struct image old = IMAGE_INIT;
	int64_t rows = 0;
	int r = one(&old, s, SQL_IMAGE_BY_NAME, ARGS(T(ns), T(name)), e);

	*lost = (struct digest){ .alg = DIGEST_NONE };
	if (r <= 0)
		return r;
	if (digest_eq(&old.config, &img->config))
		return db_run(s, SQL_IMAGE_DELETE, ARGS(I(old.row)), e);
	*lost = old.config;
	r = db_one(&rows, s, SQL_IMAGE_COUNT_CONFIG, ARGS(T(ns), D(&old.config)), e);
	if (r < 0)
		return r;
	return db_run(s, rows > 1 ? SQL_IMAGE_DELETE : SQL_IMAGE_UNNAME,
		      ARGS(I(old.row)), e);
}

static int insert(struct store *s, const char *ns, const struct image *i,
		  const char *name, struct err *e)
{
	int64_t rows = 0;
	int r;

	if (name) {
		r = db_run(s, SQL_IMAGE_DROP_DANGLING, ARGS(T(ns), D(&i->config)), e);
	} else {
		r = db_one(&rows, s, SQL_IMAGE_COUNT_CONFIG, ARGS(T(ns), D(&i->config)), e);
		if (rows)
			return 0;	/* it has a name, or is dangling already */
	}
	if (r >= 0)
		r = db_run(s, SQL_IMAGE_INSERT,
			   ARGS(T(ns), T(name), D(&i->target), T(i->media_type), I(i->size),
				D(&i->manifest), D(&i->config), T(i->platform),
				I(i->created_ns), I(clock_wall_ns()), I(i->packed_size),
				I(i->unpacked_size)), e);
	return r;
}

static int give_name(struct store *s, const char *ns, const struct image *i,
		     const char *name, struct digest *replaced, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	struct digest lost = { .alg = DIGEST_NONE };
	int r = store_begin(&tx, s, STORE_DURABLE, e);

	if (r == 0)
		r = store_use_ns(s, ns, e);
	if (r == 0)
		r = check_blobs(s, i, e);
	for (size_t n = 0; n < i->layer_count && r >= 0; n++)
		r = db_run(s, SQL_IMAGE_LAYER_ADD,
			   ARGS(D(&i->config), I(n), D(&i->layers[n])), e);
	if (r >= 0 && name)
		r = free_name(s, ns, i, name, &lost, e);
	if (r >= 0)
		r = insert(s, ns, i, name, e);
	if (r >= 0)
		r = failpoint("image.put", e);
	if (r < 0)
		return err_ctx(e, r, "image '%s'", name ? name : "<none>");
	s->is_index_stale = true;
	r = store_commit(&tx, e);
	if (r == 0 && replaced)
		*replaced = lost;
	return r;
}

int image_put(struct store *s, const char *ns, const struct image *img,
	      struct digest *replaced, struct err *e)
{
	int r = content_barrier(s, e);

	return r < 0 ? r : give_name(s, ns, img, img->name, replaced, e);
}

int image_tag(struct store *s, const char *ns, int64_t row, const char *name,
	      struct digest *replaced, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	AUTO(image) struct image i = IMAGE_INIT;
	int r = store_begin(&tx, s, STORE_DURABLE, e);

	if (r == 0)
		r = one(&i, s, SQL_IMAGE_BY_ROW, ARGS(I(row)), e);
	if (r == 0)
		return err_set(e, ENOENT, "the image is gone");
	if (r > 0)
		r = give_name(s, ns, &i, name, replaced, e);
	return r < 0 ? r : store_commit(&tx, e);
}

int image_remove(struct store *s, int64_t row, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int r;

	store_make_room(s);
	r = store_begin(&tx, s, STORE_DURABLE, e);
	if (r == 0)
		r = db_run(s, SQL_IMAGE_DELETE_LABELS, ARGS(I(row)), e);
	if (r >= 0)
		r = db_run(s, SQL_IMAGE_DELETE, ARGS(I(row)), e);
	if (r == 0)
		return err_set(e, ENOENT, "the image is gone");
	if (r > 0)
		r = failpoint("image.remove", e);
	if (r < 0)
		return r;
	s->is_index_stale = true;
	return store_commit(&tx, e);
}

int image_users(struct strv *out, struct store *s, const char *ns,
		const struct digest *config, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, SQL_IMAGE_USERS, ARGS(T(ns), D(config)), e);

	while (r >= 0 && (r = db_next(s, st, e)) > 0)
		strv_add(out, db_peek(st, 0));
	return r;
}
