#include "lib/store/content.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "lib/base/failpoint.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/blob.h"

void blobs_clear(struct blobs *b)
{
	free(b->v);
	*b = (struct blobs)BLOBS_INIT;
}

void blob_path(const struct digest *d, char out[static BLOB_PATH_MAX])
{
	char hex[DIGEST_TEXT_MAX];

	digest_hex(d, hex);
	snprintf(out, BLOB_PATH_MAX, "blobs/%s/%s", digest_alg_name(d->alg), hex);
}

int blob_row(struct blob_row *out, struct store *s, const struct digest *d,
	     struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, SQL_BLOB_GET, ARGS(D(d)), e);

	if (r == 0)
		r = db_next(s, st, e);
	if (r > 0)
		*out = (struct blob_row){
			.size = db_u64(st, 0),
			.is_dying = db_int(st, 1),
		};
	return r;
}

static int no_blob(const struct digest *d, struct err *e)
{
	char text[DIGEST_TEXT_MAX];

	digest_print(d, text);
	return err_set(e, ENOENT, "no blob %s", text);
}

int content_get(struct store *s, const struct digest *d, uint64_t *size,
		struct err *e)
{
	char path[BLOB_PATH_MAX];
	struct blob_row row;
	AUTO_FD int fd = -1;
	struct stat st;
	int dir, r;

	r = blob_row(&row, s, d, e);
	if (r < 0)
		return r;
	if (r == 0 || row.is_dying)
		return no_blob(d, e);
	dir = store_dir(s, STORE_DIR_CONTENT, e);
	if (dir < 0)
		return dir;
	blob_path(d, path);
	fd = openat(dir, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_hint(e, err_set(e, EBADMSG, "'%s' is missing", path), "blob.missing");
	if (fd < 0 && errno == ELOOP)
		return err_set(e, EBADMSG, "'%s' is damaged: a symbolic link", path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open '%s'", path);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != row.size)
		return err_set(e, EBADMSG, "'%s' is damaged: %llu bytes instead of %llu", path,
			       (unsigned long long)st.st_size, (unsigned long long)row.size);
	if (size)
		*size = row.size;
	return take_fd(&fd);
}

int content_read(struct store *s, const struct digest *d, struct buf *b,
		 struct err *e)
{
	char text[DIGEST_TEXT_MAX];
	AUTO_FD int fd = content_get(s, d, NULL, e);

	if (fd < 0)
		return fd;
	digest_print(d, text);
	return fs_read_fd(fd, text, b, e);
}

int content_has(struct store *s, const struct digest *d, struct err *e)
{
	struct blob_row row;
	int r = blob_row(&row, s, d, e);

	return r > 0 ? !row.is_dying : r;
}

int content_list(struct blobs *out, struct store *s, struct err *e)
{
	AUTO(blobs) struct blobs l = BLOBS_INIT;
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, SQL_BLOB_LIST, NO_ARGS, e);

	while (r >= 0 && (r = db_next(s, st, e)) > 0) {
		l.v = mem_more(l.v, l.len, sizeof(*l.v));
		r = db_digest(&l.v[l.len].digest, st, 0, e);
		l.v[l.len].size = db_u64(st, 1);
		l.v[l.len].created_ns = db_u64(st, 2);
		l.len++;
	}
	if (r < 0)
		return r;
	*out = l;
	l = (struct blobs)BLOBS_INIT;
	return 0;
}

int blob_bury(struct store *s, const struct digest *d, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int dir = store_dir(s, STORE_DIR_CONTENT, e);
	char path[BLOB_PATH_MAX];
	struct blob_row row;
	int r;

	if (dir < 0)
		return dir;
	r = store_begin(&tx, s, STORE_FAST, e);
	if (r == 0)
		r = blob_row(&row, s, d, e);
	if (r < 0)
		return r;
	if (r == 0 || !row.is_dying)
		return 0;			/* somebody wants it again */
	blob_path(d, path);
	r = store_trash(s, dir, path, e);
	if (r == 0)
		r = failpoint("blob.buried", e);
	if (r == 0)
		r = db_run(s, SQL_BLOB_UNREF, ARGS(D(d)), e);
	if (r >= 0)
		r = db_run(s, SQL_BLOB_DELETE_DYING, ARGS(D(d)), e);
	if (r >= 0)
		r = store_commit(&tx, e);
	return r < 0 ? r : 1;
}

static int doom(struct store *s, const struct digest *d, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int r = store_begin(&tx, s, STORE_DURABLE, e);

	if (r == 0)
		r = db_run(s, SQL_BLOB_DOOM, ARGS(D(d)), e);
	if (r == 0)
		return no_blob(d, e);
	return r < 0 ? r : store_commit(&tx, e);
}

int content_delete(struct store *s, const struct digest *d, struct err *e)
{
	int r;

	assert(s->depth == 0);
	store_make_room(s);
	r = doom(s, d, e);
	if (r == 0)
		r = failpoint("blob.doomed", e);
	if (r == 0)
		r = blob_bury(s, d, e);
	return r < 0 ? r : 0;
}

int content_ref(struct store *s, const struct digest *from,
		const struct digest *to, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int r = store_begin(&tx, s, STORE_FAST, e);

	if (r == 0)
		r = db_run(s, SQL_BLOB_REF, ARGS(D(from), D(to)), e);
	return r < 0 ? r : store_commit(&tx, e);
}
