#include "lib/store/content.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/failpoint.h"
#include "lib/base/fs.h"
#include "lib/base/id.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/blob.h"

#define DATA "data"
#define FLUSH_STEP MIB(8)		/* write-back is started per so many bytes */
#define ANY_SIZE UINT64_MAX

/* "REF/data", below content/ingest */
#define DATA_PATH_MAX (DIGEST_TEXT_MAX + 8)

static void data_path(const struct content_ingest *in, char out[static DATA_PATH_MAX])
{
	snprintf(out, DATA_PATH_MAX, "%s/" DATA, in->ref);
}

static int set_ref(struct content_ingest *in, const struct digest *expected,
		   struct err *e)
{
	char id[ID_LEN + 1];
	int r;

	if (expected) {
		in->expected = *expected;
		digest_hex(expected, in->ref);
		return 0;
	}
	r = id_make(id, e);
	if (r == 0)
		snprintf(in->ref, sizeof(in->ref), "new-%.32s", id);
	return r;
}

/* Is the blob here, file and all?  Takes back what GC marked.  A row whose
 * file is gone or cut is dropped: whoever asks is about to bring the bytes. */
static int look(struct store *s, const struct digest *d, struct err *e)
{
	int dir = store_dir(s, STORE_DIR_CONTENT, e);
	char path[BLOB_PATH_MAX];
	struct blob_row row;
	struct stat st;
	int r;

	if (dir < 0)
		return dir;
	r = blob_row(&row, s, d, e);
	if (r <= 0)
		return r;
	blob_path(d, path);
	if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode) && (uint64_t)st.st_size == row.size) {
		r = row.is_dying ? db_run(s, SQL_BLOB_REVIVE, ARGS(D(d)), e) : 1;
		return r < 0 ? r : 1;
	}
	r = row.is_dying ? 0 : db_run(s, SQL_BLOB_DOOM, ARGS(D(d)), e);
	if (r >= 0)
		r = db_run(s, SQL_BLOB_DELETE_DYING, ARGS(D(d)), e);
	return r < 0 ? r : 0;
}

/* Who ingests it?  1: somebody who lives, in->owner. */
static int is_taken(struct content_ingest *in, struct err *e)
{
	int64_t lease;
	int r = db_one(&lease, in->store, SQL_INGEST_GET, ARGS(T(in->ref)), e);

	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (r < 0)
		return r;
	r = lease_is_void(in->store, lease, &in->owner, e);
	return r < 0 ? r : !r;
}

/* The rows: what is there, who follows whom. */
static int claim(struct content_ingest *in, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	struct store *s = in->store;
	const struct lease l = { .store = s, .id = in->lease };
	bool named = digest_is_set(&in->expected);
	int r, answer = CONTENT_WRITE;

	r = store_begin(&tx, s, STORE_FAST, e);
	if (r == 0 && named) {
		r = look(s, &in->expected, e);
		if (r > 0)
			answer = CONTENT_EXISTS;
	}
	if (r == 0) {
		r = is_taken(in, e);
		if (r > 0)
			return CONTENT_FOLLOW;
	}
	if (r >= 0 && named)
		r = lease_pin_blob(&l, &in->expected, e);
	if (r >= 0 && answer == CONTENT_WRITE)
		r = db_run(s, SQL_INGEST_PUT,
			   ARGS(T(in->ref), I(in->lease), D(&in->expected), I(in->size),
				I(clock_wall_ns())), e);
	if (r >= 0)
		r = store_commit(&tx, e);
	return r < 0 ? r : answer;
}

/* A blob that lost its row in a crash (named, but the barrier did not come)
 * is all we need; its bytes are hashed again like any partial download.  A
 * link, because its maker may still be alive. */
static void adopt(struct content_ingest *in, int ingest, const char *data)
{
	struct err ignored = ERR_INIT;
	int content = store_dir(in->store, STORE_DIR_CONTENT, &ignored);
	char path[BLOB_PATH_MAX];
	struct stat st;

	if (content < 0 || !digest_is_set(&in->expected))
		return;
	blob_path(&in->expected, path);
	if (fstatat(content, path, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISREG(st.st_mode) ||
	    (in->size != ANY_SIZE && (uint64_t)st.st_size != in->size))
		return;
	(void)unlinkat(ingest, data, 0);
	(void)!linkat(content, path, ingest, data, 0);
}

static int open_data(struct content_ingest *in, struct err *e)
{
	int ingest = store_dir(in->store, STORE_DIR_INGEST, e);
	char path[DATA_PATH_MAX];
	struct stat st;

	if (ingest < 0)
		return ingest;
	if (mkdirat(ingest, in->ref, 0700) < 0 && errno != EEXIST)
		return err_sys(e, "make '%s'", in->ref);
	data_path(in, path);
	adopt(in, ingest, path);
	in->fd = openat(ingest, path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (in->fd < 0 && errno == EACCES)	/* adopted: 0444, and whole */
		in->fd = openat(ingest, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (in->fd < 0 || fstat(in->fd, &st) < 0)
		return err_sys(e, "open '%s'", path);
	in->offset = (uint64_t)st.st_size;
	in->flushed = in->offset;
	if (in->offset > in->size)
		return content_ingest_restart(in, e);
	if (lseek(in->fd, 0, SEEK_END) < 0)
		return err_sys(e, "seek in '%s'", path);
	return 0;
}

/* Ends our claim.  The bytes stay for the next one, or go. */
static int let_go(struct content_ingest *in, bool keep, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	struct store *s = in->store;
	int ingest = store_dir(s, STORE_DIR_INGEST, e);
	int r;

	fd_auto(&in->fd);
	in->store = NULL;
	if (ingest < 0)
		return ingest;
	r = store_begin(&tx, s, STORE_FAST, e);
	/* Under the write lock nobody else can begin and find half of it. */
	if (r == 0 && !keep)
		r = fs_rmtree(ingest, in->ref, e);
	if (r == 0)
		r = db_run(s, keep ? SQL_INGEST_FREE : SQL_INGEST_DELETE, ARGS(T(in->ref)), e);
	return r < 0 ? r : store_commit(&tx, e);
}

int content_ingest_begin(struct content_ingest *out, struct store *s,
			 const struct lease *l, const struct digest *expected,
			 uint64_t size, struct err *e)
{
	struct content_ingest in = {
		.store = s, .lease = l->id, .size = size, .fd = -1,
	};
	int r;

	assert(s->depth == 0);
	r = set_ref(&in, expected, e);
	if (r == 0)
		r = claim(&in, e);
	if (r == 0)
		r = failpoint("ingest.claimed", e);
	if (r == 0) {
		r = open_data(&in, e);
		if (r < 0)
			content_ingest_abort(&in, true);
	}
	if (r < 0)
		return r;
	if (r != CONTENT_WRITE)
		in.store = NULL;
	*out = in;
	return r;
}

int content_ingest_write(struct content_ingest *in, const void *data,
			 size_t len, struct err *e)
{
	int r;

	if (len > in->size - in->offset)
		return err_set(e, EFBIG, "more than the %llu bytes announced",
			       (unsigned long long)in->size);
	r = failpoint("ingest.write", e);
	if (r == 0)
		r = fs_write_all(in->fd, data, len, e);
	if (r < 0)
		return r;
	in->offset += len;
	if (in->offset - in->flushed >= FLUSH_STEP) {
		(void)sync_file_range(in->fd, (off_t)in->flushed,
				      (off_t)(in->offset - in->flushed),
				      SYNC_FILE_RANGE_WRITE);
		in->flushed = in->offset;
	}
	return 0;
}

int content_ingest_restart(struct content_ingest *in, struct err *e)
{
	int ingest = store_dir(in->store, STORE_DIR_INGEST, e);
	char path[DATA_PATH_MAX];

	if (ingest < 0)
		return ingest;
	data_path(in, path);
	fd_auto(&in->fd);
	/* Never truncate: the file may be the link of another name. */
	if (unlinkat(ingest, path, 0) < 0 && errno != ENOENT)
		return err_sys(e, "remove '%s'", path);
	in->fd = openat(ingest, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (in->fd < 0)
		return err_sys(e, "create '%s'", path);
	in->offset = 0;
	in->flushed = 0;
	return 0;
}

/* When they are a link to a blob that lost its row, that blob is as wrong. */
void content_ingest_discard(struct content_ingest *in)
{
	struct err ignored = ERR_INIT;
	struct store *s = in->store;
	int content = store_dir(s, STORE_DIR_CONTENT, &ignored);
	char path[BLOB_PATH_MAX];
	struct blob_row row;
	struct stat st;

	if (fstat(in->fd, &st) == 0 && st.st_nlink > 1 && content >= 0 &&
	    digest_is_set(&in->expected) &&
	    blob_row(&row, s, &in->expected, &ignored) == 0) {
		blob_path(&in->expected, path);
		(void)unlinkat(content, path, 0);
	}
	content_ingest_abort(in, false);
}

static int verify(const struct content_ingest *in, const struct digest *d,
		  uint64_t size, struct err *e)
{
	char want[DIGEST_TEXT_MAX], got[DIGEST_TEXT_MAX];
	struct stat st;

	if (fstat(in->fd, &st) < 0)
		return err_sys(e, "stat the blob");
	if ((uint64_t)st.st_size != size || (in->size != ANY_SIZE && size != in->size))
		return err_set(e, EBADMSG, "%llu bytes instead of %llu",
			       (unsigned long long)st.st_size,
			       (unsigned long long)(in->size != ANY_SIZE ? in->size : size));
	if (digest_is_set(&in->expected) && !digest_eq(&in->expected, d)) {
		digest_print(&in->expected, want);
		digest_print(d, got);
		return err_set(e, EBADMSG, "digest is %s instead of %s", got, want);
	}
	return 0;
}

static int name_it(struct content_ingest *in, const struct digest *d, struct err *e)
{
	int content = store_dir(in->store, STORE_DIR_CONTENT, e);
	int ingest = store_dir(in->store, STORE_DIR_INGEST, e);
	char from[DATA_PATH_MAX], to[BLOB_PATH_MAX];
	int r;

	if (content < 0 || ingest < 0)
		return -e->code;
	/* A failed sync says nothing good about any later one: no retry. */
	r = failpoint("blob.sync", e);
	if (r == 0 && fdatasync(in->fd) < 0)
		r = err_sys(e, "sync the blob");
	if (r == 0 && fchmod(in->fd, 0444) < 0)
		r = err_sys(e, "make the blob read-only");
	if (r == 0)
		r = failpoint("blob.rename", e);
	if (r < 0)
		return r;
	data_path(in, from);
	blob_path(d, to);
	if (renameat(ingest, from, content, to) == 0)
		return failpoint("blob.renamed", e);
	if (errno == ENOENT && d->alg == DIGEST_SHA512 &&
	    (mkdirat(content, "blobs/sha512", 0700) == 0 || errno == EEXIST) &&
	    renameat(ingest, from, content, to) == 0)
		return 0;
	return err_sys(e, "name the blob");
}

int content_ingest_commit(struct content_ingest *in, const struct digest *d,
			  uint64_t size, struct err *e)
{
	struct store *s = in->store;
	const struct lease l = { .store = s, .id = in->lease };
	struct pending_blob *p;
	int r;

	assert(s->depth == 0);
	r = verify(in, d, size, e);
	if (r == 0 && !digest_is_set(&in->expected))
		r = lease_pin_blob(&l, d, e);
	if (r == 0)
		r = name_it(in, d, e);
	if (r < 0) {
		content_ingest_discard(in);
		return r;
	}
	s->pending = mem_grow(s->pending, s->pending_count + 1, sizeof(*s->pending));
	p = &s->pending[s->pending_count++];
	*p = (struct pending_blob){ .digest = *d, .size = size };
	(void)str_copy(p->ref, sizeof(p->ref), in->ref);
	fd_auto(&in->fd);
	in->store = NULL;
	return 0;
}

void content_ingest_abort(struct content_ingest *in, bool keep)
{
	struct err ignored = ERR_INIT;

	/* A claim that could not be given up ends with the lease. */
	/* Bytes of which nobody knows the name are of no use to anybody. */
	if (in->store)
		(void)!let_go(in, keep && digest_is_set(&in->expected), &ignored);
}

uint64_t content_ingest_progress(struct store *s, const struct digest *d)
{
	struct content_ingest in = CONTENT_INGEST_INIT;
	struct err ignored = ERR_INIT;
	int ingest = store_dir(s, STORE_DIR_INGEST, &ignored);
	char path[DATA_PATH_MAX];
	struct stat st;

	digest_hex(d, in.ref);
	data_path(&in, path);
	if (ingest < 0 || fstatat(ingest, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	return (uint64_t)st.st_size;
}

static void ingest_info(struct ingest_info *out, struct store *s, sqlite3_stmt *st)
{
	struct content_ingest in = CONTENT_INGEST_INIT;
	struct proc_id owner = { .pid = 0 };
	struct err ignored = ERR_INIT;
	int dir = store_dir(s, STORE_DIR_INGEST, &ignored);
	char path[DATA_PATH_MAX];
	struct stat file;

	*out = (struct ingest_info){
		.ref = db_text(st, 0), .size = db_u64(st, 1), .created_ns = db_u64(st, 2),
	};
	(void)str_copy(in.ref, sizeof(in.ref), out->ref);
	data_path(&in, path);
	if (dir >= 0 && fstatat(dir, path, &file, AT_SYMLINK_NOFOLLOW) == 0)
		out->have = (uint64_t)file.st_size;
	if (lease_is_void(s, db_int(st, 3), &owner, &ignored) == 0)
		out->owner = owner.pid;
}

int content_ingests(struct ingests *out, struct store *s, struct err *e)
{
	AUTO(ingests) struct ingests l = INGESTS_INIT;
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, SQL_INGEST_LIST, NO_ARGS, e);

	while (r >= 0 && (r = db_next(s, st, e)) > 0) {
		l.v = mem_more(l.v, l.len, sizeof(*l.v));
		ingest_info(&l.v[l.len++], s, st);
	}
	if (r < 0)
		return r;
	*out = l;
	l = (struct ingests)INGESTS_INIT;
	return 0;
}

void ingests_auto(struct ingests *l)
{
	for (size_t i = 0; i < l->len; i++)
		free(l->v[i].ref);
	free(l->v);
	*l = (struct ingests)INGESTS_INIT;
}

int content_put(struct store *s, const struct lease *l, const struct digest *d,
		const void *data, size_t len, struct err *e)
{
	AUTO(content_ingest) struct content_ingest in = CONTENT_INGEST_INIT;
	int r = content_ingest_begin(&in, s, l, d, len, e);

	/* Somebody else writes the same small thing: so do we, beside it. */
	if (r == CONTENT_FOLLOW)
		r = content_ingest_begin(&in, s, l, NULL, len, e);
	if (r < 0)
		return r;
	if (r == CONTENT_EXISTS)
		return 0;
	r = in.offset ? content_ingest_restart(&in, e) : 0;
	if (r == 0)
		r = content_ingest_write(&in, data, len, e);
	return r < 0 ? r : content_ingest_commit(&in, d, len, e);
}

/* --- the barrier --- */

static int sync_names(struct store *s, struct err *e)
{
	static const char *const dirs[] = {
		[DIGEST_SHA256] = "blobs/sha256", [DIGEST_SHA512] = "blobs/sha512",
	};
	int content = store_dir(s, STORE_DIR_CONTENT, e);
	int r = content < 0 ? content : failpoint("barrier.sync", e);

	for (size_t alg = DIGEST_SHA256; alg < ARRAY_SIZE(dirs) && r == 0; alg++) {
		AUTO_FD int fd = -1;
		bool used = false;

		for (size_t i = 0; i < s->pending_count; i++)
			used |= s->pending[i].digest.alg == alg;
		if (!used)
			continue;
		fd = fs_open_dir(content, dirs[alg], e);
		r = fd < 0 ? fd : fs_sync_dir(fd, dirs[alg], e);
	}
	return r;
}

static int write_rows(struct store *s, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	int content = store_dir(s, STORE_DIR_CONTENT, e);
	int r = content < 0 ? content : store_begin(&tx, s, STORE_DURABLE, e);

	for (size_t i = 0; i < s->pending_count && r >= 0; i++) {
		const struct pending_blob *p = &s->pending[i];
		char path[BLOB_PATH_MAX];

		/* Files leave only under the write lock, which we hold. */
		blob_path(&p->digest, path);
		if (faccessat(content, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			return err_set(e, ESTALE, "'%s' was removed meanwhile", path);
		r = db_run(s, SQL_BLOB_PUT,
			   ARGS(D(&p->digest), I(p->size), I(clock_wall_ns())), e);
		if (r >= 0)
			r = db_run(s, SQL_INGEST_DELETE, ARGS(T(p->ref)), e);
	}
	return r < 0 ? r : store_commit(&tx, e);
}

/* The names may not be durable, so the blobs are not: they go, unless the
 * same blob got a row by somebody else. */
static void drop_pending(struct store *s)
{
	struct err ignored = ERR_INIT;
	int content = store_dir(s, STORE_DIR_CONTENT, &ignored);

	for (size_t i = 0; i < s->pending_count && content >= 0; i++) {
		char path[BLOB_PATH_MAX];
		struct blob_row row;

		blob_path(&s->pending[i].digest, path);
		if (blob_row(&row, s, &s->pending[i].digest, &ignored) == 0)
			(void)unlinkat(content, path, 0);
		err_clear(&ignored);
	}
}

int content_barrier(struct store *s, struct err *e)
{
	int r;

	if (!s->pending_count)
		return 0;
	assert(s->depth == 0);
	r = sync_names(s, e);
	if (r < 0)
		drop_pending(s);
	else
		r = write_rows(s, e);
	for (size_t i = 0; i < s->pending_count && r == 0; i++) {
		struct err ignored = ERR_INIT;		/* GC finds what stays */
		int ingest = store_dir(s, STORE_DIR_INGEST, &ignored);

		if (ingest >= 0)
			(void)!fs_rmtree(ingest, s->pending[i].ref, &ignored);
	}
	s->pending_count = 0;
	return r < 0 ? err_ctx(e, r, "make the blobs durable") : 0;
}
