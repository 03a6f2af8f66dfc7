#include "tests/unit/test.h"

#include "lib/base/mem.h"
#include "lib/base/strv.h"

static void test_list(void **state UNUSED)
{
	AUTO(strv) struct strv s = STRV_INIT;
	AUTO(strv) struct strv all = STRV_INIT;

	assert_null(strv_args(&s)[0]);
	for (int i = 0; i < 100; i++)
		strv_addf(&s, "n%d", i);
	strv_addn(&s, "cut off", 3);
	strv_take(&s, mem_str("taken"));
	assert_int_equal(s.len, 102);
	assert_null(s.v[102]);
	assert_string_equal(s.v[99], "n99");
	assert_string_equal(s.v[100], "cut");
	assert_string_equal(s.v[101], "taken");
	assert_true(strv_has(&s, "n50"));
	assert_false(strv_has(&s, "n"));
	strv_set(&s, 0, s.v[1]);
	assert_string_equal(s.v[0], "n1");
	strv_add(&all, "first");
	strv_join(&all, &s);
	assert_int_equal(all.len, 103);
	assert_string_equal(all.v[102], "taken");
	strv_clear(&s);
	assert_int_equal(s.len, 0);
	assert_null(strv_args(&s)[0]);
}

static void test_env(void **state UNUSED)
{
	AUTO(strv) struct strv s = STRV_INIT;

	strv_setenv(&s, "A=1");
	strv_setenv(&s, "AB=2");
	strv_setenv(&s, "A=3=4");
	assert_int_equal(s.len, 2);
	assert_string_equal(strv_getenv(&s, "A"), "3=4");
	assert_string_equal(strv_getenv(&s, "AB"), "2");
	assert_null(strv_getenv(&s, "B"));
	assert_null(strv_getenv(&s, ""));
	strv_setenv(&s, "A=");
	assert_string_equal(strv_getenv(&s, "A"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_env),
	};

	return cmocka_run_group_tests_name("strv", tests, NULL, NULL);
}
