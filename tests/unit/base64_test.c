#include "lib/fmt/base64.h"

#include "lib/base/limits.h"
#include "tests/unit/test.h"

static void both_ways(void **state)
{
	static const struct {
		const char *plain, *text;
	} cases[] = {
		{ "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
		{ "foobar", "Zm9vYmFy" }, { "\xff\xfe\xfd", "//79" },
		{ "user:pass", "dXNlcjpwYXNz" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(buf) struct buf b = BUF_INIT(KIB(1));
		struct err e = ERR_INIT;

		base64_print(cases[i].plain, strlen(cases[i].plain), &b);
		assert_string_equal(b.data, cases[i].text);
		buf_reset(&b);
		assert_int_equal(base64_parse(&b, cases[i].text, strlen(cases[i].text), &e), 0);
		assert_string_equal(b.data, cases[i].plain);
	}
}

static void refuses(void **state)
{
	static const char *const texts[] = {
		"Z", "Zg", "Zg=", "Zg===", "=", "====", "Zh==", "Zm9=", "Z===",
		"Zg==Zg==", "Zm8=\n", "Zm 9", "Zm-_", "Zg=v", "\xc3\xa9==",
	};
	AUTO(buf) struct buf small = BUF_INIT(2);
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTO(buf) struct buf b = BUF_INIT(KIB(1));
		struct err why = ERR_INIT;

		if (base64_parse(&b, texts[i], strlen(texts[i]), &why) != -EINVAL)
			fail_msg("'%s' was taken", texts[i]);
	}
	assert_int_equal(base64_parse(&small, "Zm9v", 4, &e), -EFBIG);
	err_clear(&e);
	assert_int_equal(base64_parse(&small, "Z\0==", 4, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
