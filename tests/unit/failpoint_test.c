#include "lib/base/failpoint.h"

#include "lib/base/clock.h"
#include "tests/unit/test.h"

#ifdef FAILPOINTS

static void test_steps(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	failpoint_set("a=2*off->1*error(ENOSPC)->off;b=error(EIO)");
	for (int i = 0; i < 5; i++) {
		assert_int_equal(failpoint("a", &e), i == 2 ? -ENOSPC : 0);
		err_clear(&e);
	}
	assert_int_equal(failpoint("b", &e), -EIO);
	assert_string_equal(e.text, "failpoint b");
	err_clear(&e);
	assert_int_equal(failpoint("c", &e), 0);
	assert_int_equal(failpoint_hits(), 7);
}

static void test_any(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	failpoint_set("*=1*off->1*error(EROFS)");
	assert_int_equal(failpoint("a", &e), 0);
	assert_int_equal(failpoint("b", &e), -EROFS);
	err_clear(&e);
	assert_int_equal(failpoint("c", &e), 0);
	failpoint_set(NULL);
	assert_int_equal(failpoint("b", &e), 0);
}

static void test_delay(void **state)
{
	struct err e = ERR_INIT;
	uint64_t t = clock_mono_ns();

	(void)state;
	failpoint_set("a=delay(20)");
	assert_int_equal(failpoint("a", &e), 0);
	assert_true(clock_mono_ns() - t >= 20 * NS_PER_MS);
}

#else

static void test_absent(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(failpoint("a", &e), 0);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef FAILPOINTS
		cmocka_unit_test(test_steps), cmocka_unit_test(test_any),
		cmocka_unit_test(test_delay),
#else
		cmocka_unit_test(test_absent),
#endif
	};

	return cmocka_run_group_tests_name("failpoint", tests, NULL, NULL);
}
