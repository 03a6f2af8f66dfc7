#include "tests/unit/test.h"

#include "lib/base/cleanup.h"
#include "lib/base/clock.h"
#include "lib/base/num.h"

#define NOW (1700000000 * NS_PER_S)

static int size(const char *t, uint64_t *v, struct err *e)
{
	return num_size(t, v, e);
}

static int duration(const char *t, uint64_t *v, struct err *e)
{
	return num_duration(t, v, e);
}

static int nano(const char *t, uint64_t *v, struct err *e)
{
	return num_nano(t, v, e);
}

static int when(const char *t, uint64_t *v, struct err *e)
{
	return num_time(t, NOW, v, e);
}

static int whole(const char *t, uint64_t *v, struct err *e)
{
	return num_u64(t, 0, UINT64_MAX, v, e);
}

static int small(const char *t, uint64_t *v, struct err *e)
{
	return num_u64(t, 5, 10, v, e);
}

static int mode(const char *t, uint64_t *v, struct err *e)
{
	uint32_t m = 0;
	int r = num_mode(t, &m, e);

	if (r == 0)
		*v = m;
	return r;
}

static const struct {
	int (*parse)(const char *t, uint64_t *v, struct err *e);
	const char *text;
	int error;
	uint64_t want;
} cases[] = {
	{ whole, "0", 0, 0 }, { whole, "007", 0, 7 },
	{ whole, "18446744073709551615", 0, UINT64_MAX },
	{ whole, "18446744073709551616", ERANGE, 0 },
	{ whole, "99999999999999999999999", ERANGE, 0 },
	{ whole, "99999999999999999999999x", EINVAL, 0 },
	{ whole, "", EINVAL, 0 }, { whole, "-0", EINVAL, 0 }, { whole, "-1", EINVAL, 0 },
	{ whole, "+1", EINVAL, 0 }, { whole, "1x", EINVAL, 0 }, { whole, " 1", EINVAL, 0 },
	{ whole, "1 ", EINVAL, 0 }, { whole, "0x1", EINVAL, 0 }, { whole, "1.0", EINVAL, 0 },
	{ small, "5", 0, 5 }, { small, "10", 0, 10 }, { small, "4", ERANGE, 0 },
	{ small, "11", ERANGE, 0 },

	{ mode, "0", 0, 0 }, { mode, "1777", 0, 01777 }, { mode, "07777", 0, 07777 },
	{ mode, "10000", EINVAL, 0 }, { mode, "8", EINVAL, 0 }, { mode, "", EINVAL, 0 },
	{ mode, "0o7", EINVAL, 0 }, { mode, "-1", EINVAL, 0 },
	{ mode, "7777777777777777777777777777", EINVAL, 0 },

	{ size, "0", 0, 0 }, { size, "10", 0, 10 }, { size, "10b", 0, 10 },
	{ size, "10k", 0, 10240 }, { size, "10kb", 0, 10240 }, { size, "10KiB", 0, 10240 },
	{ size, "1.5g", 0, 1610612736 }, { size, "512M", 0, 536870912 },
	{ size, "1T", 0, 1ull << 40 }, { size, "0.5k", 0, 512 },
	{ size, "16777216t", ERANGE, 0 }, { size, "16777215t", 0, 16777215ull << 40 },
	{ size, "", EINVAL, 0 }, { size, "k", EINVAL, 0 }, { size, "1x", EINVAL, 0 },
	{ size, "1 k", EINVAL, 0 }, { size, "-1k", EINVAL, 0 }, { size, "1.k", EINVAL, 0 },
	{ size, ".5k", EINVAL, 0 }, { size, "1k1", EINVAL, 0 }, { size, "1kbb", EINVAL, 0 },

	{ duration, "0", 0, 0 }, { duration, "10", 0, 10 * NS_PER_S },
	{ duration, "1.5", 0, 1500000000 },
	{ duration, "1h30m", 0, 5400 * NS_PER_S }, { duration, "1.5s", 0, 1500000000 },
	{ duration, "100ms", 0, 100 * NS_PER_MS }, { duration, "1us", 0, 1000 },
	{ duration, "3ns", 0, 3 }, { duration, "1m1ms", 0, 60001000000 },
	{ duration, "", EINVAL, 0 }, { duration, "s", EINVAL, 0 },
	{ duration, "1h30", EINVAL, 0 }, { duration, "0s30", EINVAL, 0 },
	{ duration, "1d", EINVAL, 0 }, { duration, "-1s", EINVAL, 0 },
	{ duration, "1 s", EINVAL, 0 }, { duration, "1s ", EINVAL, 0 },
	{ duration, "99999999999h", ERANGE, 0 },

	{ nano, "1.5", 0, 1500000000 }, { nano, "0.000000001", 0, 1 },
	{ nano, "2", 0, 2000000000 }, { nano, "0.0000000019", 0, 1 },
	{ nano, "", EINVAL, 0 }, { nano, "1.", EINVAL, 0 }, { nano, ".5", EINVAL, 0 },
	{ nano, "1e3", EINVAL, 0 }, { nano, "-1", EINVAL, 0 },
	{ nano, "18446744074", ERANGE, 0 },

	{ when, "2023-11-14T22:13:20Z", 0, NOW },
	{ when, "2023-11-14T22:13:20", 0, NOW },
	{ when, "2023-11-14T22:13:20.5Z", 0, NOW + 500000000 },
	{ when, "2023-11-14T23:13:20+01:00", 0, NOW },
	{ when, "2023-11-14T21:43:20-00:30", 0, NOW },
	{ when, "2023-11-14T22:13:20.000000001Z", 0, NOW + 1 },
	{ when, "2023-11-14", 0, 1699920000 * NS_PER_S },
	{ when, "1700000000", 0, NOW }, { when, "1700000000.25", 0, NOW + 250000000 },
	{ when, "10m", 0, NOW - 600 * NS_PER_S },
	{ when, "999999h", 0, 0 },
	{ when, "", EINVAL, 0 }, { when, "yesterday", EINVAL, 0 },
	{ when, "2023-13-01", EINVAL, 0 }, { when, "2023-11-14T22:13:20X", EINVAL, 0 },
	{ when, "1960-01-01", EINVAL, 0 }, { when, "2023-11-14T22:13:20+1", EINVAL, 0 },
	{ when, "2023-11-14T22:13:20ZZ", EINVAL, 0 },
};

static void test_unsigned(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t v = 12345;
		struct err e = ERR_INIT;
		int r = cases[i].parse(cases[i].text, &v, &e);

		if (r != -cases[i].error)
			fail_msg("case %zu '%s': %d %s", i, cases[i].text, r, e.text);
		assert_int_equal(r, -e.code);
		if (v != (r < 0 ? 12345 : cases[i].want))
			fail_msg("case %zu '%s': %llu", i, cases[i].text,
				 (unsigned long long)v);
	}
}

static void test_signed(void **state UNUSED)
{
	static const struct {
		const char *text;
		int error;
		int64_t want;
	} signs[] = {
		{ "0", 0, 0 }, { "-1", 0, -1 }, { "42", 0, 42 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "-9223372036854775807", 0, -INT64_MAX },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "9223372036854775808", ERANGE, 0 },
		{ "-9223372036854775809", ERANGE, 0 },
		{ "-", EINVAL, 0 }, { "--1", EINVAL, 0 }, { "-0", EINVAL, 0 },
		{ "+1", EINVAL, 0 }, { "", EINVAL, 0 }, { "1-", EINVAL, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		struct err e = ERR_INIT;
		int64_t v = 7;

		if (num_i64(signs[i].text, INT64_MIN, INT64_MAX, &v, &e) != -signs[i].error)
			fail_msg("'%s': %s", signs[i].text, e.text);
		assert_true(v == (signs[i].error ? 7 : signs[i].want));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unsigned),
		cmocka_unit_test(test_signed),
	};

	return cmocka_run_group_tests_name("num", tests, NULL, NULL);
}
