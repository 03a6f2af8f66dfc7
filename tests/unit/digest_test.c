#include "lib/fmt/digest.h"

#include "tests/unit/test.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void parses(void **state)
{
	static const char *const texts[] = {
		"sha256:" HEX64, "sha512:" HEX64 HEX64,
	};
	char out[DIGEST_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct err e = ERR_INIT;
		struct digest d;

		assert_int_equal(digest_parse(&d, texts[i], strlen(texts[i]), &e), 0);
		assert_true(digest_is_set(&d));
		digest_print(&d, out);
		assert_string_equal(out, texts[i]);
		digest_hex(&d, out);
		assert_string_equal(out, texts[i] + 7);
	}
}

static void refuses(void **state)
{
	static const char *const texts[] = {
		"", "sha256", "sha256:", "sha256:../../x", "md5:" HEX64,
		"SHA256:" HEX64, "sha256:" HEX64 "0", "sha512:" HEX64,
		"sha256+b64:" HEX64, " sha256:" HEX64, "sha256:" HEX64 " ",
		"sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
		"sha256:g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"sha384:" HEX64, "none:",
	};
	char zero[] = "sha256:" HEX64;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct err e = ERR_INIT;
		struct digest d = { .alg = DIGEST_NONE };

		assert_int_equal(digest_parse(&d, texts[i], strlen(texts[i]), &e), -EINVAL);
		assert_false(digest_is_set(&d));
	}
	zero[20] = '\0';
	for (size_t len = 0; len < sizeof(zero); len++) {
		struct err e = ERR_INIT;
		struct digest d;

		assert_int_equal(digest_parse(&d, zero, len, &e), -EINVAL);
	}
}

static void compares(void **state)
{
	struct err e = ERR_INIT;
	struct digest a, b;

	(void)state;
	assert_int_equal(digest_parse(&a, "sha256:" HEX64, 71, &e), 0);
	b = a;
	assert_true(digest_eq(&a, &b));
	b.bytes[31] ^= 1;
	assert_false(digest_eq(&a, &b));
	b = a;
	b.alg = DIGEST_SHA512;
	assert_false(digest_eq(&a, &b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(refuses),
		cmocka_unit_test(compares),
	};

	return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
