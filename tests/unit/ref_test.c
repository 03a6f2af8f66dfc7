#include "lib/fmt/ref.h"

#include <stdio.h>

#include "lib/base/limits.h"
#include "tests/unit/test.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "@sha256:" HEX64

static void parses(void **state)
{
	static const struct {
		const char *text, *full, *familiar;
	} cases[] = {
		{ "alpine", "docker.io/library/alpine", "alpine" },
		{ "alpine:3", "docker.io/library/alpine:3", "alpine:3" },
		{ "a/b", "docker.io/a/b", "a/b" },
		{ "library/a", "docker.io/library/a", "a" },
		{ "docker.io/alpine", "docker.io/library/alpine", "alpine" },
		{ "index.docker.io/alpine", "docker.io/library/alpine", "alpine" },
		{ "registry-1.docker.io/a/b:c", "docker.io/a/b:c", "a/b:c" },
		{ "localhost/x", "localhost/x", "localhost/x" },
		{ "localhost:5000/x", "localhost:5000/x", "localhost:5000/x" },
		{ "localhost:5000", "docker.io/library/localhost:5000", "localhost:5000" },
		{ "host:5000/x:y", "host:5000/x:y", "host:5000/x:y" },
		{ "ghcr.io/a/b/c:v1.2-x_y", "ghcr.io/a/b/c:v1.2-x_y", "ghcr.io/a/b/c:v1.2-x_y" },
		{ "[::1]:5000/x", "[::1]:5000/x", "[::1]:5000/x" },
		{ "[fe80::1]/x:y", "[fe80::1]/x:y", "[fe80::1]/x:y" },
		{ "EXAMPLE.com/x", "EXAMPLE.com/x", "EXAMPLE.com/x" },
		{ "alpine" DIGEST, "docker.io/library/alpine" DIGEST, "alpine" DIGEST },
		{ "a.b/c:d" DIGEST, "a.b/c:d" DIGEST, "a.b/c:d" DIGEST },
		{ "a__b/c--d.e", "docker.io/a__b/c--d.e", "a__b/c--d.e" },
		{ "docker.io/library/a/b", "docker.io/library/a/b", "library/a/b" },
		{ "docker.io/localhost/x", "docker.io/localhost/x", "docker.io/localhost/x" },
		{ "docker.io/library/localhost", "docker.io/library/localhost", "localhost" },
		{ "docker.io/a.b/c", "docker.io/a.b/c", "docker.io/a.b/c" },
		{ "x:_", "docker.io/library/x:_", "x:_" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(ref) struct ref r = REF_INIT;
		AUTO(ref) struct ref again = REF_INIT;
		AUTO(buf) struct buf full = BUF_INIT(KIB(1));
		AUTO(buf) struct buf familiar = BUF_INIT(KIB(1));
		struct err e = ERR_INIT;

		assert_int_equal(ref_parse(&r, cases[i].text, &e), 0);
		ref_print(&r, &full);
		ref_familiar(&r, &familiar);
		assert_string_equal(full.data, cases[i].full);
		assert_string_equal(familiar.data, cases[i].familiar);
		assert_int_equal(ref_parse(&again, familiar.data, &e), 0);
		buf_reset(&familiar);
		ref_print(&again, &familiar);
		assert_string_equal(familiar.data, cases[i].full);
	}
}

static void refuses(void **state)
{
	static const char *const texts[] = {
		"", ":", "@", "/", "a/", "/a", "a//b", "Alpine", "a/B", "a b",
		"a:", "a:.x", "a:-x", "a:b:c", "a:b/c:", "a@sha256:abc", "a@",
		"a@md5:" HEX64, "a" DIGEST DIGEST, "-a", "a-", "a.", "a..b",
		"a___b", "a.-b", "_a", "http://a/b", "a.b:0/c", "a.b:65536/c",
		"a.b:x/c", "a.b:/c", "[::1/x", "[]/x", "[1]/x", "[::1]x/y",
		"-a.b/c", "a-.b/c", "a..b/c", ".a/b", "../a", "a/../b", "a.b/../c",
		"a\n", "a:\n", "a\x7f", "\xc3\xa9",
	};
	char text[MAX_REF + 2];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct ref r = REF_INIT;
		struct err e = ERR_INIT;

		if (ref_parse(&r, texts[i], &e) != -EINVAL)
			fail_msg("'%s' was taken", texts[i]);
		assert_null(r.path);
	}
	for (size_t len = 200; len < sizeof(text); len++) {
		AUTO(ref) struct ref r = REF_INIT;
		struct err e = ERR_INIT;

		memset(text, 'a', len);
		text[len] = '\0';
		assert_int_equal(ref_parse(&r, text, &e),
				 len + strlen("docker.io/library/") > 255 ? -EINVAL : 0);
	}
}

static void tags(void **state)
{
	struct ref r = REF_INIT;
	struct err e = ERR_INIT;
	char tag[REF_TAG_MAX + 2];

	(void)state;
	assert_int_equal(ref_parse(&r, "a", &e), 0);
	ref_default_tag(&r);
	assert_string_equal(r.tag, "latest");
	ref_clear(&r);
	assert_int_equal(ref_parse(&r, "a" DIGEST, &e), 0);
	ref_default_tag(&r);
	assert_null(r.tag);
	ref_clear(&r);
	memset(tag, 'x', sizeof(tag));
	tag[REF_TAG_MAX + 1] = '\0';
	assert_false(ref_is_tag(tag));
	tag[REF_TAG_MAX] = '\0';
	assert_true(ref_is_tag(tag));
}

static void ids(void **state)
{
	const char *hex = NULL;

	(void)state;
	assert_true(ref_is_id_prefix("0a", &hex));
	assert_string_equal(hex, "0a");
	assert_true(ref_is_id_prefix("sha256:" HEX64, &hex));
	assert_string_equal(hex, HEX64);
	assert_false(ref_is_id_prefix("", &hex));
	assert_false(ref_is_id_prefix("sha256:", &hex));
	assert_false(ref_is_id_prefix("0A", &hex));
	assert_false(ref_is_id_prefix("0ag", &hex));
	assert_false(ref_is_id_prefix(HEX64 "0", &hex));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(refuses),
		cmocka_unit_test(tags),
		cmocka_unit_test(ids),
	};

	return cmocka_run_group_tests_name("ref", tests, NULL, NULL);
}
