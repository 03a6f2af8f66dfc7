#include "tests/unit/test.h"

#include "lib/base/id.h"
#include "lib/base/str.h"

static void test_ids(void **state UNUSED)
{
	char a[ID_LEN + 1], b[ID_LEN + 1], hex[9];
	struct err e = ERR_INIT;

	assert_int_equal(id_make(a, &e), 0);
	assert_int_equal(id_make(b, &e), 0);
	assert_int_equal(strspn(a, "0123456789abcdef"), ID_LEN);
	assert_int_equal(strlen(a), ID_LEN);
	assert_string_not_equal(a, b);
	assert_true(str_is_name(a));
	id_hex("\x00\x9f\xff\x10", 4, hex);
	assert_string_equal(hex, "009fff10");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests_name("id", tests, NULL, NULL);
}
