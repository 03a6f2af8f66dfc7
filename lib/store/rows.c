#include "lib/store/rows.h"

#include <fcntl.h>
#include <string.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/fmt/json.h"

static void add_digest(struct json_w *w, const char *key, const struct digest *d)
{
	char text[DIGEST_TEXT_MAX];

	if (!digest_is_set(d))
		return;
	digest_print(d, text);
	json_m_string(w, key, text);
}

static int write_file(int dirfd, struct json_w *w, struct err *e)
{
	int r;

	json_w_end(w);
	r = buf_ok(w->out, ROW_FILE, e);
	return r < 0 ? r : fs_replace(dirfd, ROW_FILE, w->out->data, w->out->len, 0600,
				      FS_NOSYNC, e);
}

int row_write_container(int dirfd, const struct container *c, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(2 * MAX_SPEC);
	struct json_w w = JSON_W_INIT(&text);

	json_w_object(&w);
	json_m_string(&w, "name", c->name);
	json_m_string(&w, "image", c->image);
	add_digest(&w, "manifest", &c->manifest);
	add_digest(&w, "imageId", &c->config_digest);
	json_m_i64(&w, "snapshot", c->snapshot);
	json_m_u64(&w, "created", c->created_ns);
	json_m_u64(&w, "flags", c->flags);
	json_m_string(&w, "restart", c->restart);
	json_m_map(&w, "labels", &c->labels);
	json_m_string(&w, "config", c->config);
	return write_file(dirfd, &w, e);
}

int row_write_snapshot(int dirfd, const struct snapshot *snap, const int64_t *parents,
		       size_t count, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(KIB(256));
	struct json_w w = JSON_W_INIT(&text);

	json_w_object(&w);
	json_m_u64(&w, "kind", snap->kind);
	json_m_string(&w, "map", snap->map);
	add_digest(&w, "diffId", &snap->diff_id);
	json_m_u64(&w, "size", snap->size);
	json_m_u64(&w, "inodes", snap->inodes);
	json_m_u64(&w, "created", snap->created_ns);
	json_m_array(&w, "parents");
	for (size_t i = 0; i < count; i++)
		json_w_i64(&w, parents[i]);
	json_w_end(&w);
	return write_file(dirfd, &w, e);
}

/* In place: what a replacement leaves when it is killed would be in the volume
 * for good. */
int row_write_volume(int dirfd, const struct volume *v, const char *options, struct err *e)
{
	static const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
	AUTO(buf) struct buf text = BUF_INIT(2 * MAX_SPEC);
	struct json_w w = JSON_W_INIT(&text);
	AUTO_FD int fd = -1;
	int r;

	json_w_object(&w);
	json_m_flag(&w, "anonymous", v->is_anonymous);
	json_m_u64(&w, "created", v->created_ns);
	json_m_string(&w, "options", options);
	json_m_map(&w, "labels", &v->labels);
	json_w_end(&w);
	r = buf_ok(&text, ROW_FILE, e);
	if (r < 0)
		return r;
	fd = openat(dirfd, ROW_FILE, flags, 0600);
	return fd < 0 ? err_sys(e, "create '" ROW_FILE "'") :
			fs_write_all(fd, text.data, text.len, e);
}
