#include "tests/unit/test.h"

#include "lib/base/buf.h"

static void test_add(void **state UNUSED)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	struct err e = ERR_INIT;

	assert_string_equal(b.data, "");
	assert_int_equal(buf_adds(&b, "ab"), 0);
	assert_int_equal(buf_addc(&b, 'c'), 0);
	assert_int_equal(buf_addf(&b, "%d-%s", 5, "x"), 0);
	assert_int_equal(buf_add(&b, "\0z", 2), 0);
	assert_int_equal(b.len, 8);
	assert_memory_equal(b.data, "abc5-x\0z", 9);
	buf_cut(&b, 6);
	assert_string_equal(b.data, "abc5-x");
	buf_cut(&b, 100);
	assert_int_equal(b.len, 6);
	buf_drop(&b, 3);
	assert_string_equal(b.data, "5-x");
	buf_drop(&b, 100);
	assert_string_equal(b.data, "");
	assert_int_equal(buf_ok(&b, "x", &e), 0);
}

static void test_limit(void **state UNUSED)
{
	AUTO(buf) struct buf b = BUF_INIT(4);
	struct err e = ERR_INIT;

	assert_int_equal(buf_adds(&b, "abcd"), 0);
	assert_int_equal(buf_addc(&b, 'e'), -EFBIG);
	assert_int_equal(buf_addf(&b, "%s", "e"), -EFBIG);
	assert_null(buf_room(&b, 1));
	assert_null(buf_room(&b, SIZE_MAX));
	assert_string_equal(b.data, "abcd");
	assert_int_equal(buf_ok(&b, "the text", &e), -EFBIG);
	assert_string_equal(e.text, "the text: longer than 4 bytes");
	buf_reset(&b);
	err_clear(&e);
	assert_int_equal(buf_ok(&b, "x", &e), 0);
	assert_int_equal(buf_adds(&b, "abcd"), 0);
}

static void test_steal(void **state UNUSED)
{
	AUTO(buf) struct buf b = BUF_INIT(100);
	AUTO_FREE char *empty = buf_steal(&b);
	AUTO_FREE char *text = NULL;

	assert_string_equal(empty, "");
	buf_adds(&b, "x");
	text = buf_steal(&b);
	assert_string_equal(text, "x");
	assert_string_equal(b.data, "");
	assert_int_equal(b.max, 100);
	assert_int_equal(buf_adds(&b, "y"), 0);
	buf_clear(&b);
	buf_clear(&b);
	assert_string_equal(b.data, "");
}

static void test_growth(void **state UNUSED)
{
	AUTO(buf) struct buf b = BUF_INIT(100000);
	char *room;

	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf_addc(&b, (char)('a' + i % 26)), 0);
	assert_int_equal(strlen(b.data), 100000);
	assert_int_equal(buf_addc(&b, 'a'), -EFBIG);
	buf_reset(&b);
	room = buf_room(&b, 3);
	assert_non_null(room);
	memcpy(room, "abc", 4);
	b.len += 3;
	assert_string_equal(b.data, "abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_steal),
		cmocka_unit_test(test_growth),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
