#include "tests/unit/test.h"

#include "lib/base/limits.h"
#include "lib/base/str.h"

static void test_questions(void **state UNUSED)
{
	assert_true(str_eq("a", "a"));
	assert_true(str_eq(NULL, NULL));
	assert_false(str_eq(NULL, ""));
	assert_false(str_eq("a", "ab"));
	assert_true(str_starts("abc", "ab"));
	assert_false(str_starts("a", "ab"));
	assert_true(str_ends("abc", "bc"));
	assert_true(str_ends("abc", ""));
	assert_false(str_ends("c", "bc"));
	assert_true(str_is_empty(NULL));
	assert_true(str_is_empty(""));
	assert_string_equal(str_or("", "x"), "x");
	assert_string_equal(str_or("a", "x"), "a");
	assert_string_equal(str_after("abc", "ab"), "c");
	assert_null(str_after("abc", "b"));
	assert_true(str_matches("abc", "a*"));
	assert_false(str_matches("abc", "b*"));
	assert_true(str_matches("abc", "[a-c]?c"));
	assert_non_null(str_errno(123456));
}

static void test_utf8(void **state UNUSED)
{
	static const struct {
		const char *s;
		size_t len;
		bool ok;
	} cases[] = {
		{ "", 0, true }, { "abc", 3, true }, { "a\0b", 3, false },
		{ "\xc3\xa9", 2, true }, { "\xe2\x82\xac", 3, true },
		{ "\xf0\x9f\x90\xb3", 4, true }, { "\xf4\x8f\xbf\xbf", 4, true },
		{ "\xc3", 1, false }, { "\xe2\x82", 2, false }, { "\x80", 1, false },
		{ "\xc0\xaf", 2, false }, { "\xc1\xbf", 2, false },
		{ "\xe0\x80\xaf", 3, false }, { "\xf0\x80\x80\x80", 4, false },
		{ "\xed\xa0\x80", 3, false }, { "\xf4\x90\x80\x80", 4, false },
		{ "\xf8\x88\x80\x80\x80", 5, false }, { "\xff", 1, false },
		{ "\xc3" "a", 2, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(str_is_utf8(cases[i].s, cases[i].len), cases[i].ok);
}

static void test_mask(void **state UNUSED)
{
	static const char *const cases[][2] = {
		{ "plain\ttab", "plain\ttab" }, { "a\x1b[0m\n\r\x7f", "a?[0m???" },
		{ "\xc2\x9b" "31m", "?31m" },			/* C1 CSI */
		{ "\xe2\x80\xae" "x\xe2\x81\xa6", "?x?" },	/* bidi */
		{ "\xff\xfe", "??" }, { "\xe2\x82", "??" },
		{ "\xc3\xa9\xf0\x9f\x90\xb3", "\xc3\xa9\xf0\x9f\x90\xb3" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[64];

		assert_true(str_copy(text, sizeof(text), cases[i][0]));
		str_mask(text);
		assert_string_equal(text, cases[i][1]);
		assert_true(str_is_utf8(text, strlen(text)));
	}
}

static void test_names(void **state UNUSED)
{
	static const char *const bad[] = {
		"", ".a", "-a", "_a", "a/b", "a b", "a:b", "\xc3\xa9", "a\n", "..",
	};
	char name[MAX_ID + 2];
	char component[MAX_COMPONENT + 2];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(str_is_name(bad[i]));
	assert_true(str_is_name("a"));
	assert_true(str_is_name("0A_.-z"));
	memset(name, 'a', sizeof(name));
	name[MAX_ID + 1] = '\0';
	assert_false(str_is_name(name));
	name[MAX_ID] = '\0';
	assert_true(str_is_name(name));

	assert_true(str_is_component("..."));
	assert_true(str_is_component(" "));
	assert_false(str_is_component(""));
	assert_false(str_is_component("."));
	assert_false(str_is_component(".."));
	assert_false(str_is_component("a/"));
	memset(component, 'a', sizeof(component));
	component[MAX_COMPONENT + 1] = '\0';
	assert_false(str_is_component(component));
	component[MAX_COMPONENT] = '\0';
	assert_true(str_is_component(component));
}

static void test_copy(void **state UNUSED)
{
	char text[4];

	assert_true(str_copy(text, sizeof(text), "abc"));
	assert_string_equal(text, "abc");
	assert_false(str_copy(text, sizeof(text), "abcd"));
	assert_string_equal(text, "abc");
	assert_true(str_copy(text, 1, ""));
	assert_false(str_copy(text, 1, "a"));
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_mask),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_copy),
	};

	return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
