#include "tests/unit/test.h"

#include <stdio.h>

#include "lib/base/cleanup.h"
#include "lib/fmt/logline.h"

#define T 1767225600123456789ull
#define T_TEXT "2026-01-01T00:00:00.123456789Z"

static const struct {
	const char *text;
	size_t len;
	const char *printed;		/* of "log" */
	const char *back;		/* NULL: the same text */
} round_trips[] = {
	{ "hello\n", 6, "hello\\n", NULL },
	{ "", 0, "", NULL },
	{ "tab\there \"q\" \\", 14, "tab\\there \\\"q\\\" \\\\", NULL },
	{ "\x1b[0m\x7f\0x", 7, "\\u001b[0m\\u007f\\u0000x", NULL },
	{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9,
	  "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", NULL },
	{ "a\xff" "b", 3, "a\\ufffdb", "a\xef\xbf\xbd" "b" },
	{ "\xc0\xaf", 2, "\\ufffd\\ufffd", "\xef\xbf\xbd\xef\xbf\xbd" },
	{ "\xed\xa0\x80", 3, "\\ufffd\\ufffd\\ufffd", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	{ "cut \xe2\x82", 6, "cut \\ufffd\\ufffd", "cut \xef\xbf\xbd\xef\xbf\xbd" },
};

static void test_round_trip(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(round_trips); i++) {
		struct logline in = { T, LOGLINE_STDERR, round_trips[i].text,
				      round_trips[i].len };
		char out[512], want[512];
		struct err e = ERR_INIT;
		struct logline back;
		size_t len = logline_print(out, &in);

		snprintf(want, sizeof(want),
			 "{\"log\":\"%s\",\"stream\":\"stderr\",\"time\":\"" T_TEXT "\"}\n",
			 round_trips[i].printed);
		assert_int_equal(len, strlen(want));
		assert_memory_equal(out, want, len);
		assert_int_equal(logline_parse(&back, out, len, &e), 0);
		assert_int_equal(back.stream, LOGLINE_STDERR);
		assert_true(back.time_ns == T);
		if (round_trips[i].back) {
			assert_int_equal(back.len, strlen(round_trips[i].back));
			assert_memory_equal(back.text, round_trips[i].back, back.len);
		} else {
			assert_int_equal(back.len, in.len);
			assert_memory_equal(back.text, in.text, back.len);
		}
	}
}

static void test_worst_case(void **state UNUSED)
{
	static char text[MAX_LOG_LINE], out[LOGLINE_PRINTED_MAX];
	struct logline in = { T, LOGLINE_STDOUT, text, sizeof(text) };
	struct logline back;
	struct err e = ERR_INIT;
	size_t len = logline_print(out, &in);

	assert_true(len <= sizeof(out));
	assert_int_equal(logline_parse(&back, out, len, &e), 0);
	assert_int_equal(back.len, sizeof(text));
}

#define REST "\",\"stream\":\"stdout\",\"time\":\"" T_TEXT "\"}"

/* What other writers print, and what is no record. */
static const struct {
	const char *line;
	const char *text;		/* NULL: refused */
} parsed[] = {
	{ "{\"log\":\"x" REST, "x" },
	{ " { \"time\" : \"" T_TEXT "\", \"stream\":\"stdout\" , \"log\" : \"x\" } \n", "x" },
	{ "{\"log\":\"\\u20ac\\ud83d\\ude00\\/" REST, "\xe2\x82\xac\xf0\x9f\x98\x80/" },
	{ "{\"log\":\"\\ud83d!" REST, "\xef\xbf\xbd!" },
	{ "{\"log\":\"x\",\"tag\":\"t\",\"stream\":\"stdout\",\"time\":\"" T_TEXT "\"}", "x" },
	{ "", NULL },
	{ "{}", NULL },
	{ "{\"log\":\"x\",\"stream\":\"stdout\"}", NULL },
	{ "{\"log\":\"x\",\"stream\":\"stdin\",\"time\":\"" T_TEXT "\"}", NULL },
	{ "{\"log\":\"x\",\"stream\":\"stdout\",\"time\":\"5m\"}", NULL },
	{ "{\"log\":\"\\q" REST, NULL },
	{ "{\"log\":\"\\u12" REST, NULL },
	{ "{\"log\":\"x" REST "x", NULL },
	{ "{\"log\":\"x" REST "{\"log\":\"y" REST, NULL },
};

static void test_parse(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(parsed); i++) {
		struct err e = ERR_INIT;
		struct logline l;
		char line[512];
		int r;

		snprintf(line, sizeof(line), "%s", parsed[i].line);
		r = logline_parse(&l, line, strlen(line), &e);
		assert_int_equal(r, parsed[i].text ? 0 : -EBADMSG);
		if (r == 0) {
			assert_int_equal(l.len, strlen(parsed[i].text));
			assert_memory_equal(l.text, parsed[i].text, l.len);
		}
	}
}

/* A record that a crash cut short is none, wherever the cut. */
static void test_torn(void **state UNUSED)
{
	static const char whole[] = "{\"log\":\"a\\n\\u20ac" REST;

	for (size_t len = 0; len < sizeof(whole) - 1; len++) {
		struct err e = ERR_INIT;
		struct logline l;
		char line[256];

		memcpy(line, whole, sizeof(whole));
		assert_int_equal(logline_parse(&l, line, len, &e), -EBADMSG);
	}
}

static void test_cut(void **state UNUSED)
{
	assert_int_equal(logline_cut("abcdef", 4), 4);
	assert_int_equal(logline_cut("abc\xc3\xa9", 4), 3);
	assert_int_equal(logline_cut("ab\xc3\xa9x", 4), 4);
	assert_int_equal(logline_cut("ab\xe2\x82\xac", 4), 2);
	assert_int_equal(logline_cut("a\xf0\x9f\x98\x80", 4), 1);
	assert_int_equal(logline_cut("\xf0\x9f\x98\x80z", 4), 4);
	assert_int_equal(logline_cut("\x80\x80\x80\x80z", 4), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_worst_case),
		cmocka_unit_test(test_parse), cmocka_unit_test(test_torn),
		cmocka_unit_test(test_cut),
	};

	return cmocka_run_group_tests_name("fmt/logline", tests, NULL, NULL);
}
