#include "lib/fmt/gvariant.h"

#include <errno.h>
#include <string.h>

#include "lib/base/limits.h"
#include "tests/unit/test.h"

static void both_ways(void **state UNUSED)
{
	static const struct {
		const char *text, *type, *printed;
	} cases[] = {
		{ "true", "b", "true" },
		{ "boolean false", "b", "false" },
		{ "@b true", "b", "true" },
		{ "37", "i", "int32 37" },
		{ " -1 ", "i", "int32 -1" },
		{ "-2147483648", "i", "int32 -2147483648" },
		{ "uint64 10000000", "t", "uint64 10000000" },
		{ "uint64 18446744073709551615", "t", "uint64 18446744073709551615" },
		{ "int64 -9223372036854775808", "x", "int64 -9223372036854775808" },
		{ "@t 5", "t", "uint64 5" },
		{ "byte 255", "y", "byte 255" },
		{ "int16 -3", "n", "int16 -3" },
		{ "uint16 3", "q", "uint16 3" },
		{ "uint32 3", "u", "uint32 3" },
		{ "'control-group'", "s", "string 'control-group'" },
		{ "\"it's\"", "s", "string 'it\\'s'" },
		{ "'a\\n\\\\\\\"'", "s", "string 'a\\n\\\\\"'" },
		{ "objectpath '/a'", "o", "objectpath '/a'" },
		{ "['a', \"b\"]", "a", "@as ['a', 'b']" },
		{ "[ 'a' ]", "a", "@as ['a']" },
		{ "@as []", "a", "@as []" },
		{ "''", "s", "string ''" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(buf) struct buf out = BUF_INIT(KIB(1));
		AUTO(gvariant) struct gvariant v = GVARIANT_INIT;
		AUTO(gvariant) struct gvariant again = GVARIANT_INIT;
		struct err e = ERR_INIT;

		if (gvariant_parse(&v, cases[i].text, &e) < 0)
			fail_msg("%s: %s", cases[i].text, e.text);
		assert_int_equal(v.type, *cases[i].type);
		gvariant_print(&v, &out);
		assert_string_equal(out.data, cases[i].printed);
		assert_int_equal(gvariant_parse(&again, out.data, &e), 0);
		assert_int_equal(again.type, v.type);
		assert_true(again.number == v.number);
	}
}

static void refuses(void **state UNUSED)
{
	static const struct {
		const char *text;
		int code;
	} cases[] = {
		{ "", EOPNOTSUPP }, { "yes", EOPNOTSUPP }, { "true false", EINVAL },
		{ "2147483648", ERANGE }, { "byte 256", ERANGE }, { "uint32 -1", EINVAL },
		{ "uint64", EOPNOTSUPP }, { "uint64 'a'", EINVAL }, { "string 5", EINVAL },
		{ "boolean 5", EINVAL }, { "uint32 true", EINVAL }, { "1.5", EINVAL },
		{ "'a", EINVAL }, { "'a\"", EINVAL }, { "'\\u0041'", EOPNOTSUPP }, { "'\\", EOPNOTSUPP },
		{ "[]", EINVAL }, { "['a'", EINVAL }, { "['a' 'b']", EINVAL }, { "[1]", EOPNOTSUPP },
		{ "['a'] x", EINVAL }, { "@ai [1]", EOPNOTSUPP }, { "@as 'a'", EINVAL }, { "@as 5", EINVAL },
		{ "@d 1", EOPNOTSUPP }, { "(1, 2)", EOPNOTSUPP }, { "{'a': 1}", EOPNOTSUPP }, { "-", EINVAL },
		{ "string ['a']", EINVAL }, { "1 2", EINVAL }, { "@", EOPNOTSUPP },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct gvariant v = GVARIANT_INIT;
		struct err e = ERR_INIT;
		int r = gvariant_parse(&v, cases[i].text, &e);

		if (r != -cases[i].code)
			fail_msg("'%s': %d %s", cases[i].text, r, e.text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests_name("gvariant", tests, NULL, NULL);
}
