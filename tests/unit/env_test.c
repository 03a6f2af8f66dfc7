#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/fmt/env.h"

static void joined(const struct strv *s, struct buf *b)
{
	for (size_t i = 0; i < s->len; i++)
		buf_addf(b, "%s|", s->v[i]);
}

static const struct {
	const char *file;
	const char *want;		/* NULL: refused */
	const char *error;		/* part of the message */
} files[] = {
	{ "", "", NULL },
	{ "A=1\nB=2", "A=1|B=2|", NULL },
	{ "\xef\xbb\xbf" "A=1\n", "A=1|", NULL },
	{ "# c\n\n  # d\n\t A=1\r\n", "A=1|", NULL },
	{ "A=\"q\" 'r' # s\n", "A=\"q\" 'r' # s|", NULL },
	{ "A= x \n", "A= x |", NULL },
	{ "A=1\nA=2\n", "A=2|", NULL },
	{ "HOME\nMISSING\nA=", "HOME=/root|A=|", NULL },
	{ "A=1=2", "A=1=2|", NULL },
	{ "A=1\n=x\n", NULL, "f:2: " },
	{ "A=1\n\nA B=x\n", NULL, "f:3: " },
	{ "A =x", NULL, "f:1: " },
	{ "A=\xff", NULL, "f:1: " },
};

static void test_files(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		AUTO(strv) struct strv from = STRV_INIT;
		AUTO(strv) struct strv out = STRV_INIT;
		AUTO(buf) struct buf b = BUF_INIT(1000);
		struct err e = ERR_INIT;
		int r;

		strv_add(&from, "HOME=/root");
		r = env_parse_file(&out, files[i].file, strlen(files[i].file),
				   "f", &from, &e);
		joined(&out, &b);
		if (files[i].want) {
			assert_int_equal(r, 0);
			assert_string_equal(b.data, files[i].want);
		} else {
			assert_int_equal(r, -EINVAL);
			assert_non_null(strstr(e.text, files[i].error));
		}
	}
}

static void test_add(void **state UNUSED)
{
	AUTO(strv) struct strv from = STRV_INIT;
	AUTO(strv) struct strv out = STRV_INIT;
	struct err e = ERR_INIT;

	strv_add(&from, "TERM=xterm");
	assert_int_equal(env_add(&out, "TERM", &from, &e), 0);
	assert_int_equal(env_add(&out, "NOT", &from, &e), 0);
	assert_int_equal(env_add(&out, "A=b c", &from, &e), 0);
	assert_int_equal(out.len, 2);
	assert_string_equal(out.v[0], "TERM=xterm");
	assert_string_equal(out.v[1], "A=b c");
	assert_int_equal(env_add(&out, "=x", &from, &e), -EINVAL);
	err_clear(&e);
	assert_int_equal(env_add(&out, "", &from, &e), -EINVAL);
}

static void test_nul_and_limits(void **state UNUSED)
{
	AUTO(strv) struct strv from = STRV_INIT;
	AUTO(strv) struct strv out = STRV_INIT;
	AUTO(buf) struct buf many = BUF_INIT(MAX_ENV_FILE);
	struct err e = ERR_INIT;

	assert_int_equal(env_parse_file(&out, "A\0B=1", 5, "f", &from, &e), -EINVAL);
	err_clear(&e);
	assert_int_equal(env_parse_file(&out, "", MAX_ENV_FILE + 1, "f", &from, &e),
			 -EFBIG);
	err_clear(&e);
	for (int i = 0; i <= MAX_ENV_VARS; i++)
		buf_addf(&many, "V%d=\n", i);
	assert_int_equal(env_parse_file(&out, many.data, many.len, "f", &from, &e),
			 -E2BIG);
	assert_non_null(strstr(e.text, "f:4097: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_nul_and_limits),
	};

	return cmocka_run_group_tests_name("env", tests, NULL, NULL);
}
