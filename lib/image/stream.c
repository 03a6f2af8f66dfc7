#include "lib/image/stream.h"

#include <isa-l/igzip_lib.h>
#include <string.h>
#include <zstd.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

/* Small enough to stay in the second-level cache between inflating, hashing
 * and writing. */
#define OUT_BUF KIB(256)

struct stream {
	struct stream_opts o;
	struct hash *blob_hash;
	struct hash *diff_hash;
	struct stream_result res;
	uint64_t max_in;		/* announced size, or UINT64_MAX */

	const unsigned char *in;	/* what the source gave, not used yet */
	size_t in_len;
	bool source_ended;

	enum compression kind;
	bool sniffed;
	bool at_start;			/* of a member or frame */
	bool ended;			/* nothing more to inflate */
	unsigned char *out;
	struct inflate_state *gzip;
	ZSTD_DCtx *zstd;
};

int stream_open(struct stream **out, const struct stream_opts *o, struct err *e)
{
	struct stream *s;

	if (o->blob && o->blob->digest.alg == DIGEST_NONE && !o->no_digest)
		return err_set(e, EINVAL, "a blob without a digest");
	s = mem_new(struct stream);
	s->o = *o;
	s->max_in = o->blob ? o->blob->size : UINT64_MAX;
	s->at_start = true;
	if (!o->no_digest)
		s->blob_hash = hash_new(o->blob ? o->blob->digest.alg : DIGEST_SHA256);
	if (o->want_diff)
		s->diff_hash = hash_new(DIGEST_SHA256);
	*out = s;
	return 0;
}

void stream_close(struct stream *s)
{
	if (!s)
		return;
	hash_free(s->blob_hash);
	hash_free(s->diff_hash);
	ZSTD_freeDCtx(s->zstd);
	free(s->gzip);
	free(s->out);
	free(s);
}

/* The next block of the blob, when the last one is used up. */
static int fill(struct stream *s, struct err *e)
{
	const void *data;
	ssize_t n;

	if (s->in_len || s->source_ended)
		return 0;
	n = s->o.source(s->o.arg, &data, e);
	if (n < 0)
		return (int)n;
	if (n == 0) {
		s->source_ended = true;
		return 0;
	}
	if ((uint64_t)n > s->max_in - s->res.blob_size)
		return err_set(e, EBADMSG, "blob is longer than %ju bytes",
			       (uintmax_t)s->max_in);
	if (s->blob_hash)
		hash_add(s->blob_hash, data, (size_t)n);
	s->res.blob_size += (uint64_t)n;
	s->in = data;
	s->in_len = (size_t)n;
	return 0;
}

static bool is_zstd(const unsigned char *p, size_t len)
{
	static const unsigned char frame[] = { 0x28, 0xb5, 0x2f, 0xfd };
	static const unsigned char skip[] = { 0x2a, 0x4d, 0x18 };

	return len >= 4 && (!memcmp(p, frame, 4) ||
			    ((p[0] & 0xf0) == 0x50 && !memcmp(p + 1, skip, 3)));
}

static int sniff(struct stream *s, struct err *e)
{
	static const char *const names[] = { "plain", "gzip", "zstd" };
	enum media media = MEDIA_UNKNOWN;
	int r = fill(s, e);

	if (r < 0)
		return r;
	s->sniffed = true;
	s->kind = COMPRESSION_NONE;
	if (s->in_len >= 2 && s->in[0] == 0x1f && s->in[1] == 0x8b)
		s->kind = COMPRESSION_GZIP;
	else if (is_zstd(s->in, s->in_len))
		s->kind = COMPRESSION_ZSTD;
	s->res.compression = s->kind;
	if (s->o.blob && s->o.blob->media_type)
		media = media_lookup(s->o.blob->media_type);
	if (media_kind(media) == MEDIA_IS_LAYER && media_compression(media) != s->kind)
		return err_set(e, EBADMSG, "layer is %s, but its type says %s",
			       names[s->kind], names[media_compression(media)]);
	if (s->kind != COMPRESSION_NONE)
		s->out = mem_zero(OUT_BUF, 1);
	if (s->kind == COMPRESSION_GZIP) {
		s->gzip = mem_new(struct inflate_state);
		isal_inflate_init(s->gzip);
		s->gzip->crc_flag = ISAL_GZIP;
	} else if (s->kind == COMPRESSION_ZSTD) {
		s->zstd = ZSTD_createDCtx();
		if (!s->zstd)
			return err_set(e, ENOMEM, "zstd");
		ZSTD_DCtx_setParameter(s->zstd, ZSTD_d_windowLogMax,
				       MAX_ZSTD_WINDOW_LOG);
	}
	return 0;
}

/* May another member or frame begin here?  What else follows is no part of
 * the stream, and is ignored. */
static bool starts_another(const struct stream *s)
{
	if (s->kind == COMPRESSION_GZIP)
		return s->in[0] == 0x1f;
	return s->in[0] == 0x28 || (s->in[0] & 0xf0) == 0x50;
}

/* One step: uses input, fills out from *have on. */
static int inflate_gzip(struct stream *s, size_t *have, struct err *e)
{
	struct inflate_state *z = s->gzip;
	int r;

	if (s->at_start)
		isal_inflate_reset(z);
	s->at_start = false;
	z->next_in = (uint8_t *)s->in;
	z->avail_in = (uint32_t)s->in_len;
	z->next_out = s->out + *have;
	z->avail_out = (uint32_t)(OUT_BUF - *have);
	r = isal_inflate(z);
	if (r != ISAL_DECOMP_OK && r != ISAL_END_INPUT && r != ISAL_OUT_OVERFLOW)
		return err_set(e, EBADMSG, "gzip: damaged data");
	s->in = z->next_in;
	s->in_len = z->avail_in;
	*have = OUT_BUF - z->avail_out;
	s->at_start = z->block_state == ISAL_BLOCK_FINISH;
	return 0;
}

static int inflate_zstd(struct stream *s, size_t *have, struct err *e)
{
	ZSTD_inBuffer in = { .src = s->in, .size = s->in_len };
	ZSTD_outBuffer out = { .dst = s->out, .size = OUT_BUF, .pos = *have };
	size_t r = ZSTD_decompressStream(s->zstd, &out, &in);

	if (ZSTD_isError(r))
		return err_set(e, EBADMSG, "zstd: %s", ZSTD_getErrorName(r));
	s->in += in.pos;
	s->in_len -= in.pos;
	*have = out.pos;
	s->at_start = r == 0;
	return 0;
}

/* Fills the output buffer, or what is left of the stream. */
static int inflate_some(struct stream *s, size_t *have, struct err *e)
{
	bool is_first = s->res.tar_size == 0 && s->res.blob_size == s->in_len;

	while (*have < OUT_BUF && !s->ended) {
		size_t before = *have;
		size_t in_before;
		int r = fill(s, e);

		if (r < 0)
			return r;
		if (s->at_start && !is_first &&
		    (!s->in_len || !starts_another(s))) {
			s->ended = true;
			s->res.has_junk = s->in_len != 0;
			return 0;
		}
		is_first = false;
		in_before = s->in_len;
		r = s->kind == COMPRESSION_GZIP ? inflate_gzip(s, have, e) :
						  inflate_zstd(s, have, e);
		if (r < 0)
			return r;
		/* Both keep output back when the buffer was full, so an end of
		 * the input is an end only when nothing moves any more. */
		if (s->source_ended && !s->at_start && *have == before &&
		    s->in_len == in_before)
			return err_set(e, EBADMSG, "compressed data is cut short");
	}
	return 0;
}

static int check_ratio(const struct stream *s, struct err *e)
{
	if (!s->o.any_ratio && s->res.tar_size > MIN_INFLATE_SUSPECT &&
	    s->res.tar_size / MAX_INFLATE_RATIO > s->res.blob_size)
		return err_set(e, EFBIG, "inflates to more than %d times its size",
			       MAX_INFLATE_RATIO);
	return 0;
}

ssize_t stream_read(void *stream, const void **data, struct err *e)
{
	struct stream *s = stream;
	size_t n = 0;
	int r = 0;

	if (!s->sniffed)
		r = sniff(s, e);
	if (r < 0)
		return r;
	if (s->kind == COMPRESSION_NONE) {
		r = fill(s, e);
		n = s->in_len;
		*data = s->in;
		s->in_len = 0;
	} else {
		r = inflate_some(s, &n, e);
		*data = s->out;
	}
	if (r < 0)
		return r;
	s->res.tar_size += n;
	r = check_ratio(s, e);
	if (r < 0)
		return r;
	if (s->diff_hash)
		hash_add(s->diff_hash, *data, n);
	return (ssize_t)n;
}

static int check_blob(const struct stream *s, struct err *e)
{
	char want[DIGEST_TEXT_MAX], got[DIGEST_TEXT_MAX];

	if (!s->o.blob)
		return 0;
	if (s->res.blob_size != s->o.blob->size)
		return err_set(e, EBADMSG, "blob has %ju bytes, not %ju",
			       (uintmax_t)s->res.blob_size, (uintmax_t)s->o.blob->size);
	if (s->o.no_digest || digest_eq(&s->res.blob, &s->o.blob->digest))
		return 0;
	digest_print(&s->o.blob->digest, want);
	digest_print(&s->res.blob, got);
	return err_set(e, EBADMSG, "blob is %s, not %s", got, want);
}

int stream_finish(struct stream *s, struct stream_result *out, struct err *e)
{
	const void *data;
	ssize_t n;
	int r;

	do
		n = stream_read(s, &data, e);
	while (n > 0);
	if (n < 0)
		return (int)n;
	do {
		s->in_len = 0;
		r = fill(s, e);
	} while (r == 0 && !s->source_ended);
	if (r < 0)
		return r;
	if (s->blob_hash)
		hash_end(s->blob_hash, &s->res.blob);
	if (s->diff_hash)
		hash_end(s->diff_hash, &s->res.diff);
	r = check_blob(s, e);
	if (r == 0)
		*out = s->res;
	return r;
}

ssize_t stream_fd_read(void *stream_fd, const void **data, struct err *e)
{
	struct stream_fd *s = stream_fd;
	size_t got = 0;

	*data = s->buf;
	while (got < STREAM_FD_BUF) {
		ssize_t n = read(s->fd, (char *)s->buf + got, STREAM_FD_BUF - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read");
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}
