#include "lib/fmt/bitlist.h"

#include "tests/unit/test.h"

static void parses(void **state)
{
	static const struct {
		const char *text;
		uint64_t first, second;
		size_t len;
	} rows[] = {
		{ "", 0, 0, 0 },
		{ "0", 1, 0, 1 },
		{ "0-3,7", 0x8f, 0, 1 },
		{ "7, 0 - 3 ", 0x8f, 0, 1 },
		{ "3,3,2-3", 0xc, 0, 1 },
		{ "63-64", 1ull << 63, 1, 2 },
		{ "0-127", UINT64_MAX, UINT64_MAX, 2 },
		{ "8191", 0, 0, 128 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bitlist b;
		struct err e = ERR_INIT;

		assert_int_equal(bitlist_parse(&b, rows[i].text, &e), 0);
		assert_true(b.words[0] == rows[i].first && b.words[1] == rows[i].second);
		assert_int_equal(b.len, rows[i].len);
	}
}

static void refuses(void **state)
{
	static const char *const texts[] = {
		" ", ",", "1,", ",1", "1,,2", "-", "1-", "-1", "3-1", "1-2-3", "a", "0x1",
		"8192", "0-8192", "1 2", "18446744073709551616", "000000000000000000000000001",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct bitlist b;
		struct err e = ERR_INIT;

		if (bitlist_parse(&b, texts[i], &e) >= 0)
			fail_msg("'%s' was taken", texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests_name("bitlist", tests, NULL, NULL);
}
