#include "tests/unit/test.h"

#include "lib/base/clock.h"
#include "lib/base/num.h"

static void test_print(void **state UNUSED)
{
	static const struct {
		uint64_t ns;
		const char *want;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00.000000000Z" },
		{ 1700000000123456789ull, "2023-11-14T22:13:20.123456789Z" },
		{ 951782400ull * NS_PER_S, "2000-02-29T00:00:00.000000000Z" },
		{ UINT64_MAX, "2554-07-21T23:34:33.709551615Z" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[CLOCK_TEXT_MAX];
		struct err e = ERR_INIT;
		uint64_t again;

		clock_print(cases[i].ns, text);
		assert_string_equal(text, cases[i].want);
		assert_int_equal(num_time(text, 0, &again, &e), 0);
		assert_true(again == cases[i].ns);
	}
}

static void test_now(void **state UNUSED)
{
	char first[BOOT_ID_LEN + 1], again[BOOT_ID_LEN + 1];
	uint64_t a = clock_mono_ns();
	struct err e = ERR_INIT;

	assert_true(clock_mono_ns() >= a);
	assert_true(clock_wall_ns() > 1700000000 * NS_PER_S);
	assert_int_equal(clock_boot_id(first, &e), 0);
	assert_int_equal(clock_boot_id(again, &e), 0);
	assert_int_equal(strlen(first), BOOT_ID_LEN);
	assert_string_equal(first, again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_now),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
