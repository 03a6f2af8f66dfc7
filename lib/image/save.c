#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/fs.h"
#include "lib/base/map.h"
#include "lib/base/mem.h"
#include "lib/fmt/json.h"
#include "lib/image/archive.h"
#include "lib/image/stream.h"
#include "lib/image/tarout.h"
#include "lib/store/content.h"

struct save {
	const struct save_options *o;
	struct map written;		/* member names */
	struct buf list;		/* manifest.json or index.json */
};

static void save_auto(struct save *s)
{
	map_clear(&s->written);
	buf_clear(&s->list);
}

/* Is it the first time that this member is asked for? */
static bool is_first(struct save *s, const char *name)
{
	if (map_get(&s->written, name))
		return false;
	map_set(&s->written, name, s);
	return true;
}

static int copy_blob(struct save *s, const char *name, const struct digest *d,
		     struct err *e)
{
	uint64_t size;
	AUTO_FD int fd = -1;

	if (!is_first(s, name))
		return 0;
	fd = content_get(s->o->store, d, &size, e);
	return fd < 0 ? fd : tarout_copy(s->o->fd, name, fd, size, e);
}

/* --- docker-archive --- */

/* A tar says the size before the bytes, so an inflated layer is put aside. */
static int inflate(int *out, uint64_t *size, struct store *s,
		   const struct desc *blob, const struct digest *diff,
		   struct err *e)
{
	AUTO_FREE char *buf = mem_zero(STREAM_FD_BUF, 1);
	AUTO(stream) struct stream *stream = NULL;
	AUTO_FD int from = content_get(s, &blob->digest, NULL, e);
	AUTO_FD int to = -1;
	struct stream_fd source = { .fd = from, .buf = buf };
	struct stream_opts so = { .source = stream_fd_read, .arg = &source,
				  .blob = blob, .no_digest = true, .want_diff = true };
	struct stream_result res;
	const void *data;
	ssize_t n;
	int dir, r;

	if (from < 0)
		return from;
	dir = store_dir(s, STORE_DIR_INGEST, e);
	if (dir < 0)
		return dir;
	to = openat(dir, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (to < 0)
		return err_sys(e, "make a temporary file");
	r = stream_open(&stream, &so, e);
	if (r < 0)
		return r;
	while ((n = stream_read(stream, &data, e)) > 0) {
		r = fs_write_all(to, data, (size_t)n, e);
		if (r < 0)
			return r;
	}
	r = n < 0 ? (int)n : stream_finish(stream, &res, e);
	if (r < 0)
		return r;
	if (!digest_eq(&res.diff, diff))
		return err_set(e, EBADMSG, "its tar has not the diff id of the config");
	*size = res.tar_size;
	*out = take_fd(&to);
	return 0;
}

static int save_layer(struct save *s, const char *name, const struct desc *blob,
		      const struct digest *diff, struct err *e)
{
	AUTO_FD int fd = -1;
	uint64_t size = 0;
	int r;

	if (media_compression(media_lookup(blob->media_type)) == COMPRESSION_NONE)
		return copy_blob(s, name, &blob->digest, e);
	if (!is_first(s, name))
		return 0;
	r = inflate(&fd, &size, s->o->store, blob, diff, e);
	return r < 0 ? r : tarout_copy(s->o->fd, name, fd, size, e);
}

static int save_docker_image(struct save *s, const struct save_image *img,
			     struct json_w *w, struct err *e)
{
	const struct image_docs *d = img->docs;
	char hex[DIGEST_TEXT_MAX], name[DIGEST_TEXT_MAX + 8];
	int r;

	digest_hex(&d->manifest.config.digest, hex);
	snprintf(name, sizeof(name), "%s.json", hex);
	r = copy_blob(s, name, &d->manifest.config.digest, e);
	json_w_object(w);
	json_m_string(w, "Config", name);
	json_m_array(w, "RepoTags");
	if (img->name)
		json_w_string(w, img->name);
	json_w_end(w);
	json_m_array(w, "Layers");
	for (size_t i = 0; i < d->manifest.layer_count && r == 0; i++) {
		digest_hex(&d->config.diff_ids[i], hex);
		snprintf(name, sizeof(name), "%s.tar", hex);
		r = save_layer(s, name, &d->manifest.layers[i],
			       &d->config.diff_ids[i], e);
		json_w_string(w, name);
	}
	json_w_end(w);
	json_w_end(w);
	return r;
}

/* Several names of one image are one item, as docker has it; here they are
 * several, which every reader takes as well. */
static int save_docker(struct save *s, struct err *e)
{
	struct json_w w = JSON_W_INIT(&s->list);
	int r = 0;

	json_w_array(&w);
	for (size_t i = 0; i < s->o->count && r == 0; i++)
		r = save_docker_image(s, &s->o->images[i], &w, e);
	json_w_end(&w);
	if (r == 0)
		r = buf_ok(&s->list, "manifest.json", e);
	return r < 0 ? r : tarout_file(s->o->fd, "manifest.json", s->list.data,
				       s->list.len, e);
}

/* --- oci-archive --- */

static int save_oci_blob(struct save *s, const struct digest *d, struct err *e)
{
	char hex[DIGEST_TEXT_MAX], name[DIGEST_TEXT_MAX + 24];

	digest_hex(d, hex);
	snprintf(name, sizeof(name), "blobs/%s/%s", digest_alg_name(d->alg), hex);
	return copy_blob(s, name, d, e);
}

/* What an index names and we do not have cannot be saved, so the archive
 * names the platform's manifest. */
static int save_oci_image(struct save *s, const struct save_image *img,
			  struct index *index, struct err *e)
{
	const struct image_docs *d = img->docs;
	struct desc *entry = index_add_entry(index);
	AUTO_FD int fd = -1;
	int r;

	fd = content_get(s->o->store, &d->manifest_digest, &entry->size, e);
	if (fd < 0)
		return fd;
	entry->media_type = mem_str(media_text(d->manifest.media));
	entry->digest = d->manifest_digest;
	platform_copy(&entry->platform, &d->config.platform);
	if (img->name)
		strv_addf(&entry->annotations, "org.opencontainers.image.ref.name=%s",
			  img->name);
	r = save_oci_blob(s, &d->manifest_digest, e);
	if (r == 0)
		r = save_oci_blob(s, &d->manifest.config.digest, e);
	for (size_t i = 0; i < d->manifest.layer_count && r == 0; i++)
		r = save_oci_blob(s, &d->manifest.layers[i].digest, e);
	return r;
}

static int save_oci(struct save *s, struct err *e)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	AUTO(index) struct index index = INDEX_INIT;
	int r = tarout_file(s->o->fd, "oci-layout", layout, sizeof(layout) - 1, e);

	if (r == 0)
		r = tarout_dir(s->o->fd, "blobs/", e);
	if (r == 0)
		r = tarout_dir(s->o->fd, "blobs/sha256/", e);
	for (size_t i = 0; i < s->o->count && r == 0; i++)
		r = save_oci_image(s, &s->o->images[i], &index, e);
	if (r < 0)
		return r;
	index_print(&index, &s->list);
	r = buf_ok(&s->list, "index.json", e);
	return r < 0 ? r : tarout_file(s->o->fd, "index.json", s->list.data,
				       s->list.len, e);
}

int archive_save(const struct save_options *o, struct err *e)
{
	AUTO(save) struct save s = {
		.o = o, .written = MAP_INIT, .list = BUF_INIT(MAX_MANIFEST),
	};
	int r = o->format == SAVE_OCI ? save_oci(&s, e) : save_docker(&s, e);

	return r < 0 ? err_ctx(e, r, "save") : tarout_end(o->fd, e);
}
