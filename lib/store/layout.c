#include "lib/store/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/base/failpoint.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/store/db.h"

#define OCI_LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}"
#define INDEX_HEAD "{\"schemaVersion\":2,\"mediaType\":"			\
	"\"application/vnd.oci.image.index.v1+json\",\"manifests\":["
#define INDEX_TAIL "]}\n"
#define TRIES 5				/* of a check, while others write */
#define PAUSE_MS 50

int layout_make(int fd, struct err *e)
{
	int r = 0;

	if (faccessat(fd, "index.json", F_OK, 0) < 0)
		r = fs_replace(fd, "index.json", INDEX_HEAD INDEX_TAIL,
			       strlen(INDEX_HEAD INDEX_TAIL), 0600, FS_SYNC, e);
	if (r == 0 && faccessat(fd, "oci-layout", F_OK, 0) < 0)
		r = fs_replace(fd, "oci-layout", OCI_LAYOUT, strlen(OCI_LAYOUT), 0600,
			       FS_SYNC, e);
	return r;
}

static void add_json(struct buf *b, const char *text)
{
	(void)buf_addc(b, '"');
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p < 0x20)
			(void)buf_addf(b, "\\u%04x", *p);
		else if (*p == '"' || *p == '\\')
			(void)buf_addf(b, "\\%c", *p);
		else
			(void)buf_addc(b, (char)*p);
	}
	(void)buf_addc(b, '"');
}

/* Names of the default namespace are what other tools find; the others would
 * clash with them and are told apart by annotations of our own. */
static void add_entry(struct buf *b, sqlite3_stmt *st)
{
	const char *name = db_peek(st, 4);
	const char *ns = db_peek(st, 3);
	bool is_default = str_eq(ns, STORE_NS_DEFAULT);

	(void)buf_adds(b, "{\"mediaType\":");
	add_json(b, db_peek(st, 2));
	(void)buf_addf(b, ",\"digest\":\"%s\",\"size\":%llu", db_peek(st, 0),
		       (unsigned long long)db_u64(st, 1));
	if (*name) {
		(void)buf_addf(b, ",\"annotations\":{\"%s\":",
			       is_default ? "org.opencontainers.image.ref.name"
					  : "coracle.name");
		add_json(b, name);
		if (!is_default) {
			(void)buf_adds(b, ",\"coracle.namespace\":");
			add_json(b, ns);
		}
		(void)buf_addc(b, '}');
	}
	(void)buf_addc(b, '}');
}

static int print_index(struct buf *b, struct store *s, struct err *e)
{
	AUTO(db_rows) sqlite3_stmt *st = NULL;
	int r = db_query(&st, s, SQL_IMAGE_INDEX, NO_ARGS, e);
	bool more = false;

	(void)buf_adds(b, INDEX_HEAD);
	while (r >= 0 && (r = db_next(s, st, e)) > 0) {
		if (more)
			(void)buf_addc(b, ',');
		more = true;
		add_entry(b, st);
	}
	(void)buf_adds(b, INDEX_TAIL);
	return r < 0 ? r : buf_ok(b, "index.json", e);
}

/* 1, 0; now is what it should be. */
static int is_index_right(struct buf *now, int dir, struct store *s, struct err *e)
{
	AUTO(buf) struct buf then = BUF_INIT(MAX_STORE_INDEX);
	struct err none = ERR_INIT;
	int r = print_index(now, s, e);

	if (r < 0)
		return r;
	return fs_read(dir, "index.json", &then, &none) == 0 && str_eq(then.data, now->data);
}

/* Who reads the images last must write last. */
static int lock(int dir, struct store *s, struct err *e)
{
	int r;

	do
		r = flock(dir, LOCK_EX);
	while (r < 0 && errno == EINTR);
	return r < 0 ? err_sys(e, "lock '%s'", s->paths[STORE_DIR_CONTENT]) : 0;
}

int layout_write_index(struct store *s, struct err *e)
{
	AUTO(buf) struct buf now = BUF_INIT(MAX_STORE_INDEX);
	int dir = store_dir(s, STORE_DIR_CONTENT, e);
	int r = dir < 0 ? dir : lock(dir, s, e);

	if (r < 0)
		return r;
	r = is_index_right(&now, dir, s, e);
	if (r == 0) {
		r = failpoint("index.replace", e);
		if (r == 0)
			r = fs_replace(dir, "index.json", now.data, now.len, 0600, FS_NOSYNC, e);
	}
	(void)flock(dir, LOCK_UN);
	return r < 0 ? r : 0;
}

int layout_check(struct store *s, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(KIB(4));
	struct err none = ERR_INIT;
	int dir = store_dir(s, STORE_DIR_CONTENT, e);
	int r = 0;

	if (dir < 0)
		return dir;
	if (fs_read(dir, "oci-layout", &text, &none) < 0 || !str_eq(text.data, OCI_LAYOUT))
		return err_set(e, EBADMSG, "oci-layout is not what it should be");
	/* A change is written after its transaction. */
	for (int i = 0; i < TRIES && r == 0; i++) {
		AUTO(buf) struct buf now = BUF_INIT(MAX_STORE_INDEX);

		if (i)
			(void)poll(NULL, 0, PAUSE_MS);
		r = is_index_right(&now, dir, s, e);
	}
	if (r == 0)
		return err_set(e, EBADMSG, "index.json does not list the images");
	return r < 0 ? r : 0;
}

int layout_repair(struct store *s, struct err *e)
{
	int dir = store_dir(s, STORE_DIR_CONTENT, e);
	int r = dir;

	if (r >= 0)
		r = fs_replace(dir, "oci-layout", OCI_LAYOUT, strlen(OCI_LAYOUT), 0600, FS_SYNC, e);
	return r < 0 ? r : layout_write_index(s, e);
}
