#include "lib/image/members.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/image/stream.h"
#include "lib/image/tree.h"
#include "lib/store/content.h"

#define MAX_MEMBERS 100000
#define MAX_LINKS 8

struct reader {
	struct members *m;
	struct store *store;
	const struct lease *lease;
	struct stream *stream;
	struct archive *archive;
	struct err *err;
};

void members_clear(struct members *m)
{
	for (size_t i = 0; i < m->map.len; i++) {
		struct member *one = m->map.entries[i].value;

		free(one->link);
		free(one);
	}
	map_clear(&m->map);
	buf_clear(&m->manifest_json);
	buf_clear(&m->index_json);
}

const struct member *members_get(const struct members *m, const char *name)
{
	char path[MAX_PATH];
	struct err ignored = ERR_INIT;
	const struct member *one;

	if (tree_normalize(path, name, &ignored) < 0)
		return NULL;
	one = map_get(&m->map, path);
	for (int i = 0; one && one->link && i < MAX_LINKS; i++)
		one = map_get(&m->map, one->link);
	return one && !one->link ? one : NULL;
}

static la_ssize_t on_read(struct archive *a, void *arg, const void **data)
{
	struct reader *rd = arg;
	ssize_t n = stream_read(rd->stream, data, rd->err);

	if (n < 0) {
		archive_set_error(a, (int)-n, "read error");
		return ARCHIVE_FATAL;
	}
	return n;
}

static int failed(struct reader *rd, struct err *e)
{
	const char *text = archive_error_string(rd->archive);

	return e->code ? -e->code :
		err_set(e, EBADMSG, "not an image archive: %s", text ? text : "damaged");
}

static void add(struct members *m, const char *path, const struct member *one)
{
	struct member *known = map_get(&m->map, path);

	if (!known) {
		known = mem_new(struct member);
		map_set(&m->map, path, known);
	}
	free(known->link);
	*known = *one;
}

/* The digest that the name of an OCI blob announces; false: it does not. */
static bool announced(const char *path, struct digest *out)
{
	struct err ignored = ERR_INIT;
	char text[DIGEST_TEXT_MAX];
	const char *hex = str_after(path, "blobs/sha256/");

	if (!hex || strlen(hex) != 64)
		return false;
	memcpy(text, "sha256:", 7);
	memcpy(text + 7, hex, 65);
	return digest_parse(out, text, strlen(text), &ignored) == 0;
}

/* The document that path is, when it is one of those kept in memory. */
static struct buf *document(struct members *m, const char *path)
{
	return str_eq(path, "manifest.json") ? &m->manifest_json :
		str_eq(path, "index.json") ? &m->index_json : NULL;
}

static int read_document(struct reader *rd, struct buf *doc, struct err *e)
{
	const void *data;
	la_int64_t at;
	size_t len;
	int r;

	buf_reset(doc);
	while ((r = archive_read_data_block(rd->archive, &data, &len, &at)) == ARCHIVE_OK)
		buf_add(doc, data, len);
	if (r != ARCHIVE_EOF)
		return failed(rd, e);
	return buf_ok(doc, "archive's list", e);
}

/* Copies a member's bytes into an open ingest, hashing. */
static int read_blob(struct reader *rd, struct content_ingest *in,
		     struct digest *out, uint64_t *size, struct err *e)
{
	AUTO(hash) struct hash *h = hash_new(DIGEST_SHA256);
	const void *data;
	la_int64_t at;
	size_t len;
	int r;

	*size = 0;
	while ((r = archive_read_data_block(rd->archive, &data, &len, &at)) == ARCHIVE_OK) {
		if ((uint64_t)at != *size)
			return err_set(e, EBADMSG, "a sparse member");
		r = content_ingest_write(in, data, len, e);
		if (r < 0)
			return r;
		hash_add(h, data, len);
		*size += len;
	}
	if (r != ARCHIVE_EOF)
		return failed(rd, e);
	hash_end(h, out);
	return 0;
}

static int read_file(struct reader *rd, const char *path, uint64_t size,
		     struct err *e)
{
	AUTO(content_ingest) struct content_ingest in = CONTENT_INGEST_INIT;
	struct member one = { .size = size };
	struct digest want;
	bool is_announced = announced(path, &want);
	int r = CONTENT_FOLLOW;

	if (is_announced)
		r = content_ingest_begin(&in, rd->store, rd->lease, &want, size, e);
	if (r == CONTENT_EXISTS) {
		one.digest = want;
		add(rd->m, path, &one);
		return 0;
	}
	/* Somebody else is at it: make our own copy, which commit drops. */
	if (r == CONTENT_FOLLOW)
		r = content_ingest_begin(&in, rd->store, rd->lease, NULL, size, e);
	if (r >= 0 && in.offset)
		r = content_ingest_restart(&in, e);
	if (r >= 0)
		r = read_blob(rd, &in, &one.digest, &one.size, e);
	if (r < 0) {
		content_ingest_abort(&in, false);
		return r;
	}
	if (is_announced && !digest_eq(&want, &one.digest)) {
		content_ingest_abort(&in, false);
		return err_set(e, EBADMSG, "its bytes do not match its name");
	}
	r = content_ingest_commit(&in, &one.digest, one.size, e);
	if (r == 0)
		add(rd->m, path, &one);
	return r;
}

static int read_link(struct reader *rd, const char *path, const char *to,
		     bool is_symlink, struct err *e)
{
	AUTO_FREE char *full = NULL;
	const char *slash = strrchr(path, '/');
	char target[MAX_PATH];
	struct member one = { .size = 0 };
	int r;

	if (is_symlink && slash)
		full = mem_printf("%.*s/%s", (int)(slash - path), path, to);
	else
		full = mem_str(to);
	r = tree_normalize(target, full, e);
	if (r < 0)
		return r;
	one.link = mem_str(target);
	add(rd->m, path, &one);
	return 0;
}

static int read_member(struct reader *rd, struct archive_entry *entry,
		       struct err *e)
{
	const char *name = archive_entry_pathname(entry);
	la_int64_t size = archive_entry_size(entry);
	char path[MAX_PATH];
	struct buf *doc;
	int r;

	if (!name || size < 0)
		return err_set(e, EBADMSG, "a member without a name or size");
	if (rd->m->map.len >= MAX_MEMBERS)
		return err_set(e, EFBIG, "more than %d members", MAX_MEMBERS);
	r = tree_normalize(path, name, e);
	if (r < 0)
		return r;
	doc = document(rd->m, path);
	if (archive_entry_hardlink(entry))
		r = read_link(rd, path, archive_entry_hardlink(entry), false, e);
	else if (archive_entry_filetype(entry) == S_IFLNK && archive_entry_symlink(entry))
		r = read_link(rd, path, archive_entry_symlink(entry), true, e);
	else if (archive_entry_filetype(entry) == S_IFREG && doc)
		r = read_document(rd, doc, e);
	else if (archive_entry_filetype(entry) == S_IFREG)
		r = read_file(rd, path, (uint64_t)size, e);
	return r < 0 ? err_ctx(e, r, "archive member '%s'", path) : 0;
}

static int read_all(struct reader *rd, struct err *e)
{
	struct archive *a = rd->archive;
	int r = 0;

	rd->err = e;
	if (archive_read_support_format_tar(a) != ARCHIVE_OK ||
	    archive_read_open(a, rd, NULL, on_read, NULL) != ARCHIVE_OK)
		return failed(rd, e);
	while (r == 0) {
		struct archive_entry *entry;
		int got = archive_read_next_header(a, &entry);

		if (got == ARCHIVE_EOF)
			return 0;
		if (got != ARCHIVE_OK && got != ARCHIVE_WARN)
			return failed(rd, e);
		r = read_member(rd, entry, e);
	}
	return r;
}

int members_read(struct members *out, int fd, struct store *s,
		 const struct lease *l, struct err *e)
{
	AUTO_FREE char *buf = mem_zero(STREAM_FD_BUF, 1);
	AUTO(stream) struct stream *stream = NULL;
	struct stream_fd source = { .fd = fd, .buf = buf };
	struct stream_opts so = { .source = stream_fd_read, .arg = &source,
				  .no_digest = true };
	struct reader rd = { .m = out, .store = s, .lease = l };
	int r = stream_open(&stream, &so, e);

	if (r < 0)
		return r;
	rd.stream = stream;
	rd.archive = archive_read_new();
	if (!rd.archive)
		return err_set(e, ENOMEM, "libarchive");
	r = read_all(&rd, e);
	archive_read_free(rd.archive);
	return r < 0 ? r : content_barrier(s, e);
}
