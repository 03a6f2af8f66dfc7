#include "tests/unit/test.h"

#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/plugin/helper.h"

static int ask(const char *script, struct buf *answer, unsigned timeout_ms, struct err *e)
{
	struct helper h = { .program = "./helper", .input = "hello", .timeout_ms = timeout_ms };
	AUTO_FREE char *text = mem_printf("#!/bin/sh\n%s\n", script);
	struct err ignored = ERR_INIT;
	int r;

	assert_int_equal(fs_replace(AT_FDCWD, "helper", text, strlen(text), 0755, FS_NOSYNC,
				    &ignored), 0);
	r = helper_ask(&h, answer, e);
	assert_int_equal(unlink("helper"), 0);
	return r;
}

static void test_answers(void **state)
{
	AUTO(buf) struct buf answer = BUF_INIT(16);
	struct err e = ERR_INIT;

	(void)state;
	/* what it gets is what it sends back */
	assert_int_equal(ask("dd bs=1 count=9 2>/dev/null", &answer, 60000, &e), 0);
	assert_string_equal(answer.data, "hello");
	buf_reset(&answer);
	assert_int_equal(ask("printf '\\0\\0\\0\\0'", &answer, 60000, &e), 0);
	assert_int_equal(answer.len, 0);
}

static void test_failures(void **state)
{
	static const struct { const char *script; int result; } t[] = {
		{ "exit 0", -EPROTO },
		{ "exec 0<&- 1>&-; exec sleep 60", -EPROTO },
		{ "printf '\\0\\0'", -EPROTO },
		{ "printf '\\0\\0\\0\\5abc'", -EPROTO },
		{ "printf '\\0\\0\\0\\021'; exec sleep 60", -EFBIG },
		{ "printf '\\0\\0\\0\\1x'; exit 4", -EIO },
		{ "exec sleep 60", -ETIMEDOUT },
		{ "printf '\\0\\0'; exec sleep 60", -ETIMEDOUT },
		{ "printf '\\0\\0\\0\\1x'; exec sleep 60", -ETIMEDOUT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		AUTO(buf) struct buf answer = BUF_INIT(16);
		struct err e = ERR_INIT;
		uint64_t start = clock_mono_ns();
		int r = ask(t[i].script, &answer, t[i].result == -ETIMEDOUT ? 300 : 50000, &e);

		if (r != t[i].result)
			fail_msg("row %zu: %d %s", i, r, e.text);
		assert_true(clock_mono_ns() - start < 40 * NS_PER_S);
	}
}

static void test_missing(void **state)
{
	struct helper h = { .program = "./nothing", .input = "", .timeout_ms = 1000 };
	AUTO(buf) struct buf answer = BUF_INIT(16);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(helper_ask(&h, &answer, &e), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers), cmocka_unit_test(test_failures),
		cmocka_unit_test(test_missing),
	};

	return cmocka_run_group_tests_name("plugin_ask", tests, NULL, NULL);
}
