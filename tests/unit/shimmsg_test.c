#include "tests/unit/test.h"

#include "lib/base/buf.h"
#include "lib/fmt/shimmsg.h"

static const struct shim_start sample = {
	.flags = SHIM_START_TTY | SHIM_START_REMOVE,
	.fds = 1u << SHIM_FD_RUN | 1u << SHIM_FD_DATA | 1u << SHIM_FD_PLAN,
	.streams = SHIM_ATTACH_OUTPUT,
	.log = SHIM_LOG_JSON,
	.log_files = 3,
	.log_size = 1000000,
	.stop_signal = 15,
	.stop_timeout_ms = 10000,
	.rows = 24,
	.cols = 80,
	.cgroup = "user.slice/x",
	.fallback = "",
	.net_path = "/usr/libexec/coracle/coracle-net",
	.net = "network",
	.net_len = 7,
	.cleanup = { "/bin/coracle", "__clean", "id", NULL },
};

static void test_start(void **state UNUSED)
{
	AUTO(buf) struct buf b = BUF_INIT(MAX_SHIM_MESSAGE);
	AUTO(buf) struct buf again = BUF_INIT(MAX_SHIM_MESSAGE);
	struct err e = ERR_INIT;
	struct shim_start s;

	assert_int_equal(shim_start_print(&b, &sample, &e), 0);
	assert_int_equal(shim_start_parse(&s, b.data, b.len, &e), 0);
	assert_int_equal(s.stop_timeout_ms, 10000);
	assert_int_equal(s.cols, 80);
	assert_string_equal(s.cgroup, "user.slice/x");
	assert_string_equal(s.fallback, "");
	assert_string_equal(s.net_path, sample.net_path);
	assert_memory_equal(s.net, "network", 7);
	assert_string_equal(s.cleanup[2], "id");
	assert_null(s.cleanup[3]);
	assert_int_equal(shim_start_print(&again, &s, &e), 0);
	assert_int_equal(again.len, b.len);
	assert_memory_equal(again.data, b.data, b.len);
}

/* Cut anywhere, it is refused. */
static void test_start_cut(void **state UNUSED)
{
	AUTO(buf) struct buf b = BUF_INIT(MAX_SHIM_MESSAGE);
	struct err e = ERR_INIT;
	struct shim_start s;

	assert_int_equal(shim_start_print(&b, &sample, &e), 0);
	for (size_t len = 0; len < b.len; len++) {
		assert_int_equal(shim_start_parse(&s, b.data, len, &e), -EBADMSG);
		err_clear(&e);
	}
}

static void test_start_insane(void **state UNUSED)
{
	struct shim_start bad[] = { sample, sample, sample, sample, sample, sample };

	bad[0].fds = 1u << SHIM_FD_RUN;
	bad[1].fds &= ~(1u << SHIM_FD_PLAN);
	bad[2].flags |= SHIM_START_ADOPT;
	bad[3].stop_signal = 0;
	bad[4].log_files = 0;
	bad[5].streams = 1u << 7;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO(buf) struct buf b = BUF_INIT(MAX_SHIM_MESSAGE);
		struct err e = ERR_INIT;
		struct shim_start s;

		assert_int_equal(shim_start_print(&b, &bad[i], &e), 0);
		assert_int_equal(shim_start_parse(&s, b.data, b.len, &e), -EBADMSG);
	}
}

static void test_start_long(void **state UNUSED)
{
	static char huge[MAX_SHIM_MESSAGE];
	AUTO(buf) struct buf b = BUF_INIT(MAX_SHIM_MESSAGE);
	struct shim_start s = sample;
	struct err e = ERR_INIT;

	s.net = huge;
	s.net_len = sizeof(huge);
	assert_int_equal(shim_start_print(&b, &s, &e), -EFBIG);
}

static void test_page(void **state UNUSED)
{
	struct shim_page p = {
		.magic = SHIM_MAGIC,
		.version = SHIM_VERSION,
		.state = SHIM_EXITED,
		.exit_code = 137,
	};
	struct err e = ERR_INIT;
	struct shim_page out;

	assert_int_equal(shim_page_parse(&out, &p, sizeof(p), &e), 0);
	assert_int_equal(out.exit_code, 137);
	assert_int_equal(shim_page_parse(&out, &p, sizeof(p) - 1, &e), -EBADMSG);
	err_clear(&e);
	p.state = SHIM_EXITED + 1;
	assert_int_equal(shim_page_parse(&out, &p, sizeof(p), &e), -EBADMSG);
	err_clear(&e);
	p.state = SHIM_RUNNING;
	memset(p.cgroup, 'x', sizeof(p.cgroup));
	assert_int_equal(shim_page_parse(&out, &p, sizeof(p), &e), -EBADMSG);
	err_clear(&e);
	p.cgroup[0] = '\0';
	p.version++;
	assert_int_equal(shim_page_parse(&out, &p, sizeof(p), &e), -EBADMSG);
}

static void test_exit(void **state UNUSED)
{
	struct shim_exit x = { .magic = SHIM_MAGIC, .version = SHIM_VERSION, .exit_code = -1 };
	struct err e = ERR_INIT;
	struct shim_exit out;

	assert_int_equal(shim_exit_parse(&out, &x, sizeof(x), &e), 0);
	assert_int_equal(out.exit_code, -1);
	x.exit_code = 256;
	assert_int_equal(shim_exit_parse(&out, &x, sizeof(x), &e), -EBADMSG);
}

static void test_msg(void **state UNUSED)
{
	struct {
		struct shim_msg m;
		char data[4];
	} raw = { shim_msg_make(SHIM_STDIN, 0), "abc" };
	struct err e = ERR_INIT;
	struct shim_msg m;
	const void *data;

	raw.m.len = 4;
	assert_int_equal(shim_msg_parse(&m, &data, &raw, sizeof(raw.m) + 4, &e), 0);
	assert_string_equal(data, "abc");
	assert_int_equal(shim_msg_parse(&m, &data, &raw, sizeof(raw.m) + 3, &e), -EBADMSG);
	err_clear(&e);
	assert_int_equal(shim_msg_parse(&m, &data, &raw, sizeof(raw.m) - 1, &e), -EBADMSG);
	err_clear(&e);
	raw.m.version = SHIM_VERSION + 1;
	assert_int_equal(shim_msg_parse(&m, &data, &raw, sizeof(raw.m) + 4, &e), -EBADMSG);
}

static void test_names(void **state UNUSED)
{
	assert_string_equal(shim_state_name(SHIM_RUNNING), "running");
	assert_string_equal(shim_state_name(SHIM_EXITED), "exited");
	assert_string_equal(shim_state_name((enum shim_state)77), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start), cmocka_unit_test(test_start_cut),
		cmocka_unit_test(test_start_insane), cmocka_unit_test(test_start_long),
		cmocka_unit_test(test_page), cmocka_unit_test(test_exit),
		cmocka_unit_test(test_msg), cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("fmt/shimmsg", tests, NULL, NULL);
}
