#include "tests/unit/test.h"

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include "lib/base/buf.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/image/stream.h"

struct input {
	const struct buf *b;
	size_t at;
	size_t step;
};

static ssize_t give(void *arg, const void **data, struct err *e)
{
	struct input *in = arg;
	size_t n = in->b->len - in->at;

	(void)e;
	n = n < in->step ? n : in->step;
	*data = in->b->data + in->at;
	in->at += n;
	return (ssize_t)n;
}

static void gzip(struct buf *out, const void *data, size_t len)
{
	struct isal_zstream z;
	size_t room = len + 4096;
	char *to = buf_room(out, room);

	assert_non_null(to);
	isal_deflate_stateless_init(&z);
	z.gzip_flag = IGZIP_GZIP;
	z.end_of_stream = 1;
	z.next_in = (uint8_t *)data;
	z.avail_in = (uint32_t)len;
	z.next_out = (uint8_t *)to;
	z.avail_out = (uint32_t)room;
	assert_int_equal(isal_deflate_stateless(&z), COMP_OK);
	out->len += room - z.avail_out;
}

static void zstd(struct buf *out, const void *data, size_t len)
{
	char *to = buf_room(out, ZSTD_compressBound(len));
	size_t n = ZSTD_compress(to, ZSTD_compressBound(len), data, len, 1);

	assert_false(ZSTD_isError(n));
	out->len += n;
}

static void digest_of(struct digest *out, const void *data, size_t len)
{
	AUTO(hash) struct hash *h = hash_new(DIGEST_SHA256);

	hash_add(h, data, len);
	hash_end(h, out);
}

/* Reads all of b as a stream; what comes out is added to text. */
static int inflate(const struct buf *b, size_t step, const struct desc *blob,
		   struct buf *text, struct stream_result *res, struct err *e)
{
	struct input in = { b, 0, step };
	struct stream_opts o = { .source = give, .arg = &in, .blob = blob,
				 .want_diff = true };
	AUTO(stream) struct stream *s = NULL;
	const void *data;
	ssize_t n;

	assert_int_equal(stream_open(&s, &o, e), 0);
	while ((n = stream_read(s, &data, e)) > 0)
		assert_int_equal(buf_add(text, data, (size_t)n), 0);
	return n < 0 ? (int)n : stream_finish(s, res, e);
}

static char *make_text(size_t len)
{
	char *t = mem_zero(len + 1, 1);

	for (size_t i = 0; i < len; i++)
		t[i] = (char)('a' + i * i % 23 + i / 1000 % 3);
	return t;
}

#define LEN 700001

enum shape { ONE, TWO_MEMBERS, ZEROS_AFTER, JUNK_AFTER, CUT, CUT_SECOND };

static const struct {
	enum compression kind;
	enum shape shape;
	int ret;
	unsigned times;		/* how often the text comes out */
	bool has_junk;
} cases[] = {
	{ COMPRESSION_NONE, ONE, 0, 1, false },
	{ COMPRESSION_GZIP, ONE, 0, 1, false },
	{ COMPRESSION_GZIP, TWO_MEMBERS, 0, 2, false },
	{ COMPRESSION_GZIP, ZEROS_AFTER, 0, 1, true },
	{ COMPRESSION_GZIP, JUNK_AFTER, 0, 1, true },
	{ COMPRESSION_GZIP, CUT, -EBADMSG, 1, false },
	{ COMPRESSION_GZIP, CUT_SECOND, -EBADMSG, 1, false },
	{ COMPRESSION_ZSTD, ONE, 0, 1, false },
	{ COMPRESSION_ZSTD, TWO_MEMBERS, 0, 2, false },
	{ COMPRESSION_ZSTD, ZEROS_AFTER, 0, 1, true },
	{ COMPRESSION_ZSTD, CUT, -EBADMSG, 1, false },
	{ COMPRESSION_ZSTD, CUT_SECOND, -EBADMSG, 1, false },
};

static void add_member(struct buf *b, enum compression kind, const char *text)
{
	if (kind == COMPRESSION_GZIP)
		gzip(b, text, LEN);
	else if (kind == COMPRESSION_ZSTD)
		zstd(b, text, LEN);
	else
		buf_add(b, text, LEN);
}

static void test_shapes(void **state)
{
	static const size_t steps[] = { 7, 4096, 100000, MIB(8) };
	AUTO_FREE char *text = make_text(LEN);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases) * ARRAY_SIZE(steps); i++) {
		AUTO(buf) struct buf b = BUF_INIT(MIB(16));
		AUTO(buf) struct buf out = BUF_INIT(MIB(16));
		size_t c = i / ARRAY_SIZE(steps);
		enum shape shape = cases[c].shape;
		struct stream_result res;
		struct digest blob;
		struct err e = ERR_INIT;
		int r;

		add_member(&b, cases[c].kind, text);
		if (shape == TWO_MEMBERS || shape == CUT_SECOND)
			add_member(&b, cases[c].kind, text);
		if (shape == ZEROS_AFTER)
			buf_add(&b, "\0\0\0\0\0\0\0\0\0", 9);
		if (shape == JUNK_AFTER)
			buf_adds(&b, "junk");
		if (shape == CUT || shape == CUT_SECOND)
			buf_cut(&b, b.len - 5);
		digest_of(&blob, b.data, b.len);
		r = inflate(&b, steps[i % ARRAY_SIZE(steps)], NULL, &out, &res, &e);
		if (r != cases[c].ret)
			fail_msg("case %zu: %d: %s", c, r, e.text);
		if (r < 0)
			continue;
		assert_int_equal(out.len, LEN * cases[c].times);
		assert_memory_equal(out.data, text, LEN);
		assert_int_equal(res.has_junk, cases[c].has_junk);
		assert_true(digest_eq(&res.blob, &blob));
		digest_of(&blob, out.data, out.len);
		assert_true(digest_eq(&res.diff, &blob));
		assert_int_equal(res.compression, cases[c].kind);
	}
}

/* D3, C9: exactly the announced bytes, and the announced kind. */
static void test_announced(void **state)
{
	AUTO_FREE char *text = make_text(LEN);
	AUTO(buf) struct buf b = BUF_INIT(MIB(16));
	struct desc d = { .media_type = (char *)"application/vnd.oci.image.layer.v1.tar+gzip" };
	static const struct { int more; bool wrong; const char *type; int ret; } t[] = {
		{ 0, false, NULL, 0 },
		{ 1, false, NULL, -EBADMSG },
		{ -1, false, NULL, -EBADMSG },
		{ 0, true, NULL, -EBADMSG },
		{ 0, false, "application/vnd.oci.image.layer.v1.tar+zstd", -EBADMSG },
		{ 0, false, "application/vnd.oci.image.layer.v1.tar", -EBADMSG },
		{ 0, false, "application/vnd.docker.image.rootfs.diff.tar.gzip", 0 },
	};

	(void)state;
	gzip(&b, text, LEN);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		AUTO(buf) struct buf out = BUF_INIT(MIB(16));
		struct desc blob = d;
		struct stream_result res;
		struct err e = ERR_INIT;

		digest_of(&blob.digest, b.data, b.len);
		blob.size = b.len + (uint64_t)(int64_t)t[i].more;
		blob.digest.bytes[0] ^= t[i].wrong;
		if (t[i].type)
			blob.media_type = (char *)t[i].type;
		assert_int_equal(inflate(&b, 5000, &blob, &out, &res, &e), t[i].ret);
	}
}

static void test_damage(void **state)
{
	AUTO_FREE char *text = make_text(LEN);

	(void)state;
	for (int kind = COMPRESSION_GZIP; kind <= COMPRESSION_ZSTD; kind++) {
		AUTO(buf) struct buf b = BUF_INIT(MIB(16));
		AUTO(buf) struct buf out = BUF_INIT(MIB(16));
		struct stream_result res;
		struct err e = ERR_INIT;

		add_member(&b, (enum compression)kind, text);
		/* gzip: its checksum; zstd: a block's header */
		b.data[kind == COMPRESSION_GZIP ? b.len - 6 : 9] ^= 0x55;
		assert_int_equal(inflate(&b, 5000, NULL, &out, &res, &e), -EBADMSG);
	}
}

/* C8: a bomb ends soon after the figure at which it is looked at. */
static void test_bomb(void **state)
{
	static char zeros[MIB(4)];
	AUTO(buf) struct buf b = BUF_INIT(MIB(16));
	struct input in = { &b, 0, MIB(1) };
	struct stream_opts o = { .source = give, .arg = &in };
	AUTO(stream) struct stream *s = NULL;
	struct err e = ERR_INIT;
	uint64_t total = 0;
	const void *data;
	ssize_t n;

	(void)state;
	for (int i = 0; i < 400; i++)
		zstd(&b, zeros, sizeof(zeros));
	assert_int_equal(stream_open(&s, &o, &e), 0);
	while ((n = stream_read(s, &data, &e)) > 0)
		total += (uint64_t)n;
	assert_int_equal(n, -EFBIG);
	assert_true(total < MIN_INFLATE_SUSPECT + MIB(8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_announced),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_bomb),
	};

	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
