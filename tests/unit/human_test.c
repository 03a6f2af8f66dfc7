#include "tests/unit/test.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/fmt/human.h"

static void test_durations(void **state UNUSED)
{
	static const struct {
		uint64_t seconds;
		const char *want;
	} cases[] = {
		{ 0, "Less than a second" }, { 1, "1 second" },
		{ 59, "59 seconds" }, { 60, "About a minute" },
		{ 119, "About a minute" }, { 120, "2 minutes" },
		{ 3599, "59 minutes" }, { 3600, "About an hour" },
		{ 5399, "About an hour" }, { 5400, "2 hours" },
		{ 47 * 3600, "47 hours" }, { 48 * 3600, "2 days" },
		{ 13 * 86400, "13 days" }, { 14 * 86400, "2 weeks" },
		{ 59 * 86400, "8 weeks" }, { 60 * 86400, "2 months" },
		{ 729ull * 86400, "24 months" }, { 730ull * 86400, "2 years" },
	};
	char text[HUMAN_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		human_duration(cases[i].seconds, text);
		assert_string_equal(text, cases[i].want);
	}
	human_duration(UINT64_MAX, text);
	assert_string_equal(text, "584942417355 years");
	human_ago(NS_PER_S, 11 * NS_PER_S, text);
	assert_string_equal(text, "10 seconds ago");
	human_ago(2, 1, text);
	assert_string_equal(text, "Less than a second ago");
}

static void test_sizes(void **state UNUSED)
{
	static const struct {
		uint64_t bytes;
		const char *decimal;
		const char *binary;
	} cases[] = {
		{ 0, "0B", "0B" }, { 1, "1B", "1B" }, { 999, "999B", "999B" },
		{ 1000, "1kB", "1000B" }, { 1023, "1.02kB", "1023B" },
		{ 1024, "1.02kB", "1KiB" }, { 1536, "1.54kB", "1.5KiB" },
		{ 12345678, "12.3MB", "11.77MiB" }, { 5000000, "5MB", "4.768MiB" },
		{ 123456789, "123MB", "117.7MiB" }, { 999999, "1MB", "976.6KiB" },
		{ 16696918016, "16.7GB", "15.55GiB" },
		{ UINT64_MAX, "18.4EB", "16EiB" },
	};
	char text[HUMAN_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		human_size(cases[i].bytes, text);
		assert_string_equal(text, cases[i].decimal);
		human_memory(cases[i].bytes, text);
		assert_string_equal(text, cases[i].binary);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests_name("human", tests, NULL, NULL);
}
