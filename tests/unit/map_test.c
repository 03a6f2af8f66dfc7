#include "tests/unit/test.h"

#include <stdio.h>

#include "lib/base/map.h"

static void test_map(void **state UNUSED)
{
	static int values[5000];
	AUTO(map) struct map m = MAP_INIT;
	char key[16];

	assert_null(map_get(&m, "a"));
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		map_set(&m, key, &values[i]);
	}
	assert_int_equal(m.len, 5000);
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_ptr_equal(map_get(&m, key), &values[i]);
		assert_string_equal(m.entries[i].key, key);
	}
	assert_null(map_get(&m, "k5000"));
	assert_null(map_get(&m, ""));
	map_set(&m, "k7", &values[1]);
	assert_int_equal(m.len, 5000);
	assert_ptr_equal(map_get(&m, "k7"), &values[1]);
	map_clear(&m);
	assert_null(map_get(&m, "k7"));
	map_set(&m, "", &values[0]);
	assert_ptr_equal(map_get(&m, ""), &values[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map),
	};

	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
