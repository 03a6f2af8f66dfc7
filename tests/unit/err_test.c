#include "tests/unit/test.h"

#include "lib/base/err.h"
#include "lib/base/str.h"

static void test_set(void **state UNUSED)
{
	struct err e = ERR_INIT;

	assert_int_equal(err_set(&e, ENOENT, "no %s", "x"), -ENOENT);
	assert_int_equal(e.code, ENOENT);
	assert_string_equal(e.text, "no x");
	assert_null(e.key);
	err_clear(&e);
	assert_int_equal(e.code, 0);
	assert_string_equal(e.text, "");

	errno = EACCES;
	assert_int_equal(err_sys(&e, "open '%s'", "f"), -EACCES);
	assert_non_null(strstr(e.text, "open 'f': "));
	assert_non_null(strstr(e.text, str_errno(EACCES)));
	err_clear(&e);
	assert_int_equal(err_ret(&e, -EPERM, "do"), -EPERM);
	assert_int_equal(e.code, EPERM);
	err_clear(&e);
	/* A code that is none is still an error. */
	assert_int_equal(err_set(&e, 0, "x"), -EINVAL);
}

static void test_context(void **state UNUSED)
{
	struct err e = ERR_INIT;
	struct err to = ERR_INIT;
	int r = err_set(&e, EIO, "disk");

	assert_int_equal(err_ctx(&e, r, "pull '%s'", "a"), -EIO);
	assert_string_equal(e.text, "pull 'a': disk");
	assert_int_equal(err_hint(&e, r, "some.key"), -EIO);
	assert_string_equal(e.key, "some.key");
	assert_int_equal(err_move(&to, &e), -EIO);
	assert_int_equal(e.code, 0);
	assert_null(e.key);
	assert_string_equal(to.text, "pull 'a': disk");
	assert_string_equal(to.key, "some.key");
}

static void test_masked(void **state UNUSED)
{
	struct err e = ERR_INIT;

	(void)err_set(&e, EIO, "a\x1b[31mb\n%s", "\xff");
	assert_string_equal(e.text, "a?[31mb??");
	(void)err_ctx(&e, -EIO, "\r");
	assert_string_equal(e.text, "?: a?[31mb??");
}

static void test_long(void **state UNUSED)
{
	char text[2 * ERR_TEXT_MAX];
	struct err e = ERR_INIT;

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(err_set(&e, EIO, "%s", text), -EIO);
	assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
	for (size_t n = ERR_TEXT_MAX - 5; n < ERR_TEXT_MAX + 5; n++) {
		text[n] = '\0';
		assert_int_equal(err_ctx(&e, -EIO, "%s", text), -EIO);
		assert_true(strlen(e.text) < ERR_TEXT_MAX);
		text[n] = 'a';
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_context),
		cmocka_unit_test(test_masked),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
