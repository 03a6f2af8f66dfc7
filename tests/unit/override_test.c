#include "tests/unit/test.h"

#include <sys/stat.h>

#include "lib/base/cleanup.h"
#include "lib/fmt/override.h"

static void good(void **state UNUSED)
{
	static const struct {
		const char *text;
		struct override want;
	} cases[] = {
		{ "0:0:0644", { .mode = 0644 } },
		{ "1000:42:2755", { .uid = 1000, .gid = 42, .mode = 02755 } },
		{ "4294967294:1:0", { .uid = 4294967294u, .gid = 1 } },
		{ "0:6:0660:block-8-0",
		  { .gid = 6, .mode = 0660, .device = S_IFBLK, .major = 8 } },
		{ "0:0:0666:char-1-3",
		  { .mode = 0666, .device = S_IFCHR, .major = 1, .minor = 3 } },
		{ "1:2:0755:dir", { .uid = 1, .gid = 2, .mode = 0755 } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		struct override o;

		assert_int_equal(override_parse(&o, cases[i].text, strlen(cases[i].text), &e), 0);
		assert_int_equal(o.uid, cases[i].want.uid);
		assert_int_equal(o.gid, cases[i].want.gid);
		assert_int_equal(o.mode, cases[i].want.mode);
		assert_int_equal(o.device, cases[i].want.device);
		assert_int_equal(o.major, cases[i].want.major);
		assert_int_equal(o.minor, cases[i].want.minor);
	}
}

static void bad(void **state UNUSED)
{
	static const char *const cases[] = {
		"", ":", "0:0", "0:0:", "0:0:8", "0:0:10000", "-1:0:0", "4294967295:0:0", " 0:0:0",
		"0:0:0644:char-1", "0:0:0644:char--3", "0:0:0644:tape-1-1", "0:0:0644:char-1-3-4",
		"0:0:0644:char-4294967296-1",
		"0:0:0644:00000000000000000000000000000000000000000000000000000000000000000000000000"
		"0000000000000000000",
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		struct override o;

		if (override_parse(&o, cases[i], strlen(cases[i]), &e) != -e.code || !e.code)
			fail_msg("'%s' was taken", cases[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
