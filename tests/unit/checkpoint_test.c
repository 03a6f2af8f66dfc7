#include "lib/fmt/checkpoint.h"
#include "tests/unit/test.h"

#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"

static void round_trip(void **state)
{
	static const char wanted[] =
		"{\"stdio\":[{\"name\":\"file[1b:3]\",\"path\":\"/dev/null\"},"
		"{\"name\":\"pipe:[4711]\"},{}],\"mounts\":[\"/data\"],"
		"\"devices\":{\"/proc/keys\":\"/dev/null\"}}";
	AUTO(checkpoint) struct checkpoint c = CHECKPOINT_INIT, again = CHECKPOINT_INIT;
	AUTO(buf) struct buf text = BUF_INIT(KIB(4));
	struct err e = ERR_INIT;

	(void)state;
	c.stdio[0].name = mem_str("file[1b:3]");
	c.stdio[0].path = mem_str("/dev/null");
	c.stdio[1].name = mem_str("pipe:[4711]");
	strv_add(&c.mounts, "/data");
	strv_add(&c.devices, "/proc/keys=/dev/null");
	checkpoint_print(&c, &text);
	assert_string_equal(text.data, wanted);
	assert_int_equal(checkpoint_parse(&again, text.data, text.len, &e), 0);
	assert_string_equal(again.stdio[1].name, "pipe:[4711]");
	assert_null(again.stdio[1].path);
	assert_null(again.stdio[2].name);
	assert_string_equal(again.devices.v[0], "/proc/keys=/dev/null");
}

static void refuses(void **state)
{
	static const struct {
		const char *text, *words;
	} rows[] = {
		{ "", CHECKPOINT_FILE },
		{ "[]", CHECKPOINT_FILE },
		{ "{}", "stdio" },
		{ "{\"stdio\":[{},{}]}", "stdio: not 3 streams" },
		{ "{\"stdio\":[{},{},{},{}]}", "stdio" },
		{ "{\"stdio\":[{},{},\"x\"]}", "stdio[2]" },
		{ "{\"stdio\":[{},{\"path\":\"/x\"},{}]}", "stdio[1]: path" },
		{ "{\"stdio\":[{\"name\":\"x\",\"path\":\"x\"},{},{}]}", "stdio[0]: path" },
		{ "{\"stdio\":[{},{},{}],\"mounts\":[\"x\"]}", "mounts: 'x'" },
		{ "{\"stdio\":[{},{},{}],\"devices\":{\"x\":\"/y\"}}", "devices: 'x=/y'" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(checkpoint) struct checkpoint c = CHECKPOINT_INIT;
		struct err e = ERR_INIT;

		assert_int_equal(checkpoint_parse(&c, rows[i].text, strlen(rows[i].text), &e),
				 -EINVAL);
		assert_non_null(strstr(e.text, rows[i].words));
		assert_null(c.stdio[0].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}
