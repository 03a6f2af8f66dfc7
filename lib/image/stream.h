/* stream.h - the bytes of a layer on their way: hashed, inflated, hashed.
 *
 * A stream pulls compressed bytes from a source, computes their digest,
 * inflates them (gzip by ISA-L, zstd, or none), and computes the digest of
 * the tar, the diff id.  Data is handed on without copies: what stream_read()
 * returns is valid until the next call.
 *
 * The source must give exactly `size` bytes.  Several gzip members and zstd
 * frames, skippable ones too, are one stream.  Bytes after the last member
 * that are none are hashed and otherwise ignored (has_junk).  The bytes decide
 * what the compression is; a media type that claims another one is refused.
 * Inflating beyond MAX_INFLATE_RATIO is refused when it is also beyond
 * MIN_INFLATE_SUSPECT.
 *
 * Errors: -EBADMSG damaged, cut short, or not the announced digest or size;
 * -EFBIG a bomb; -ENOTSUP another compression; those of the source.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/base/limits.h"
#include "lib/fmt/desc.h"
#include "lib/fmt/digest.h"
#include "lib/fmt/media.h"

struct hash;
struct stream;

/* --- a running digest --- */

struct hash *hash_new(enum digest_alg alg) MUST_CHECK;
void hash_add(struct hash *h, const void *data, size_t len);
void hash_end(struct hash *h, struct digest *out);	/* begins anew */
void hash_free(struct hash *h);				/* NULL is fine */

static inline void hash_auto(struct hash **h)
{
	hash_free(*h);
	*h = NULL;
}

/* --- a stream --- */

/* Compressed bytes: their number, 0 at the end; valid until the next call. */
typedef ssize_t stream_source_fn(void *arg, const void **data, struct err *e);

struct stream_opts {
	stream_source_fn *source;
	void *arg;
	const struct desc *blob;	/* size and digest to hold it to; or NULL */
	bool no_digest;			/* blob was verified before */
	bool want_diff;			/* compute the diff id */
	bool any_ratio;			/* no guard against bombs */
};

struct stream_result {
	struct digest blob;		/* unset with no_digest */
	struct digest diff;		/* unset without want_diff */
	uint64_t blob_size;
	uint64_t tar_size;
	enum compression compression;
	bool has_junk;
};

int stream_open(struct stream **out, const struct stream_opts *o,
		struct err *e) MUST_CHECK;
void stream_close(struct stream *s);		/* NULL is fine */

/* An unpack_read_fn: the next bytes of the tar, 0 at the end. */
ssize_t stream_read(void *stream, const void **data, struct err *e);

/* Reads what is left of the tar and of the blob, then checks size and
 * digest. */
int stream_finish(struct stream *s, struct stream_result *out,
		  struct err *e) MUST_CHECK;

static inline void stream_auto(struct stream **s)
{
	stream_close(*s);
	*s = NULL;
}

/* A stream_source_fn over a descriptor. */
struct stream_fd {
	int fd;
	void *buf;			/* STREAM_FD_BUF bytes */
};

#define STREAM_FD_BUF KIB(256)

ssize_t stream_fd_read(void *stream_fd, const void **data, struct err *e);
