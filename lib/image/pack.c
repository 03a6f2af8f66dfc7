#include "lib/image/pack.h"

#include <isa-l/igzip_lib.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/fmt/media.h"
#include "lib/image/stream.h"
#include "lib/store/content.h"

#define LEVEL 2
#define BLOCK KIB(256)

struct pack {
	struct content_ingest in;
	struct hash *diff;
	struct hash *blob;
	uint64_t tar_size;
	uint64_t blob_size;
	struct isal_zstream gzip;
	uint8_t level[ISAL_DEF_LVL2_DEFAULT];
	uint8_t block[BLOCK];
};

static void pack_auto(struct pack **p)
{
	if (*p) {
		content_ingest_abort(&(*p)->in, false);
		hash_free((*p)->diff);
		hash_free((*p)->blob);
		free(*p);
	}
	*p = NULL;
}

static int deflate(struct pack *p, const void *data, size_t len, bool is_last, struct err *e)
{
	struct isal_zstream *z = &p->gzip;

	z->next_in = (uint8_t *)data;
	z->avail_in = (uint32_t)len;
	z->end_of_stream = is_last;
	do {
		size_t n;
		int r;

		z->next_out = p->block;
		z->avail_out = sizeof(p->block);
		if (isal_deflate(z) != COMP_OK)
			return err_set(e, EIO, "gzip");
		n = sizeof(p->block) - z->avail_out;
		p->blob_size += n;
		hash_add(p->blob, p->block, n);
		r = n ? content_ingest_write(&p->in, p->block, n, e) : 0;
		if (r < 0)
			return r;
	} while (!z->avail_out);
	return 0;
}

static int pack_all(struct pack *p, unpack_read_fn *read, void *arg, struct err *e)
{
	const void *data;
	ssize_t n;

	while ((n = read(arg, &data, e)) > 0) {
		int r;

		p->tar_size += (uint64_t)n;
		if (p->tar_size > MAX_LAYER_BYTES)
			return err_set(e, EFBIG, "the layer is larger than %ju bytes",
				       (uintmax_t)MAX_LAYER_BYTES);
		hash_add(p->diff, data, (size_t)n);
		r = deflate(p, data, (size_t)n, false, e);
		if (r < 0)
			return r;
	}
	return n < 0 ? (int)n : deflate(p, NULL, 0, true, e);
}

int pack_layer(struct packed *out, struct store *s, const struct lease *l,
	       unpack_read_fn *read, void *arg, struct err *e)
{
	AUTO(pack) struct pack *p = mem_new(struct pack);
	struct digest digest;
	int r;

	p->in = (struct content_ingest)CONTENT_INGEST_INIT;
	p->diff = hash_new(DIGEST_SHA256);
	p->blob = hash_new(DIGEST_SHA256);
	isal_deflate_init(&p->gzip);
	p->gzip.gzip_flag = IGZIP_GZIP;
	p->gzip.level = LEVEL;
	p->gzip.level_buf = p->level;
	p->gzip.level_buf_size = sizeof(p->level);
	r = content_ingest_begin(&p->in, s, l, NULL, UINT64_MAX, e);
	if (r == 0)
		r = pack_all(p, read, arg, e);
	if (r < 0)
		return r;
	hash_end(p->blob, &digest);
	r = content_ingest_commit(&p->in, &digest, p->blob_size, e);
	if (r < 0)
		return r;
	hash_end(p->diff, &out->diff);
	out->blob.digest = digest;
	out->blob.size = p->blob_size;
	out->blob.media_type = mem_str(media_text(media_layer(COMPRESSION_GZIP)));
	out->tar_size = p->tar_size;
	return 0;
}
