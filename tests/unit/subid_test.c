#include "tests/unit/test.h"

#include "lib/base/limits.h"
#include "lib/fmt/subid.h"

static int parse(struct id_grant *out, size_t room, const char *text,
		 struct err *e)
{
	return subid_parse(out, room, text, strlen(text), "dev", 1000, e);
}

static void test_lines(void **state UNUSED)
{
	static const struct {
		const char *text;
		int count;
		uint32_t start, size;	/* of the first */
	} cases[] = {
		{ "", 0, 0, 0 },
		{ "dev:100000:65536\n", 1, 100000, 65536 },
		{ "1000:100000:65536", 1, 100000, 65536 },
		{ "other:1:1\ndev:5:6\n1000:7:8\n1001:1:1\n", 2, 5, 6 },
		{ "dev:4294967294:1\n", 1, 4294967294u, 1 },
		{ "devx:1:1\nde:1:1\n01000x:1:1\n", 0, 0, 0 },
		{ "dev:4294967295:1\n", 0, 0, 0 },
		{ "dev:4294967294:2\n", 0, 0, 0 },
		{ "dev:1:0\n", 0, 0, 0 },
		{ "dev:-1:1\ndev:0x1:1\ndev: 1:1\ndev:1:1 \ndev::1\ndev:1:\n", 0, 0, 0 },
		{ "dev:1\ndev\n:1:1\ndev:1:1:1\n", 0, 0, 0 },
		{ "dev:1:18446744073709551617\n", 0, 0, 0 },
		{ "# dev:1:1\n\n", 0, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct id_grant g[4] = { { 0, 0 } };
		struct err e = ERR_INIT;

		assert_int_equal(parse(g, 4, cases[i].text, &e), cases[i].count);
		assert_int_equal(g[0].start, cases[i].start);
		assert_int_equal(g[0].count, cases[i].size);
	}
}

static void test_limits(void **state UNUSED)
{
	AUTO(buf) struct buf b = BUF_INIT(MIB(1));
	struct id_grant g[2];
	struct err e = ERR_INIT;

	assert_int_equal(parse(g, 2, "dev:1:1\ndev:2:1\ndev:3:1\n", &e), -E2BIG);
	err_clear(&e);
	for (int i = 0; i <= MAX_ID_LINES; i++)
		buf_addc(&b, '\n');
	assert_int_equal(parse(g, 2, b.data, &e), -EFBIG);
	err_clear(&e);
	assert_int_equal(subid_parse(g, 2, "dev\0:1:1", 8, "dev", 1000, &e), 0);
	assert_int_equal(subid_parse(g, 2, "x:1:1", 5, NULL, 1000, &e), 0);
}

/* A login name of digits does not own what an id owns. */
static void test_names_of_digits(void **state UNUSED)
{
	struct err e = ERR_INIT;
	struct id_grant g[2];

	assert_int_equal(subid_parse(g, 2, "2000:1:1", 8, "2000", 1000, &e), 0);
	assert_int_equal(subid_parse(g, 2, "2000:1:1", 8, "x", 2000, &e), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_names_of_digits),
	};

	return cmocka_run_group_tests_name("subid", tests, NULL, NULL);
}
