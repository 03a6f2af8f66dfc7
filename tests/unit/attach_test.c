#include "tests/unit/test.h"

#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/ctr/attach.h"
#include "lib/fmt/shimmsg.h"

static const struct {
	const char *text;
	const char *keys;		/* NULL: refused */
} keys[] = {
	{ "ctrl-p,ctrl-q", "\x10\x11" },
	{ "", "" },
	{ "a", "a" },
	{ "ctrl-x,a,B,~", "\x18" "aB~" },
	{ "ctrl-@", "" /* NUL: see len below */ },
	{ "ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_", "\x1b\x1c\x1d\x1e\x1f" },
	{ ",", "," },
	{ "a,,", "a," },
	{ "ctrl-A", NULL },
	{ "ctrl-", NULL },
	{ "ctrl-ab", NULL },
	{ "ctrl-1", NULL },
	{ "ab", NULL },
	{ "a,", NULL },
	{ "\x01", NULL },
	{ "a,b,c,d,e,f,g,h,i", NULL },
};

static void test_parse(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct attach_keys k = { .len = 99 };
		struct err e = ERR_INIT;
		int r = attach_keys_parse(&k, keys[i].text, &e);

		assert_int_equal(r, keys[i].keys ? 0 : -EINVAL);
		if (r < 0) {
			assert_int_equal(k.len, 99);
			continue;
		}
		if (!strcmp(keys[i].text, "ctrl-@")) {
			assert_int_equal(k.len, 1);
			assert_int_equal(k.key[0], 0);
			continue;
		}
		assert_int_equal(k.len, strlen(keys[i].keys));
		assert_memory_equal(k.key, keys[i].keys, k.len);
	}
}

static const struct {
	const char *keys;
	const char *typed;
	const char *passed;
	bool detached;
} typing[] = {
	{ "a,b,c", "hello", "hello", false },
	{ "a,b,c", "xabcy", "x", true },
	{ "a,b,c", "ababc", "ab", true },
	{ "a,b,c", "abx", "abx", false },
	{ "a,b,c", "aabc", "a", true },
	{ "a,b,c", "ab", "", false },
	{ "a,a,b", "aaab", "a", true },
	{ "a,a,b", "aaxaab", "aax", true },
	{ "a,b,a,c", "ababac", "ab", true },
	{ "q", "xq", "x", true },
	{ "", "ctrl", "ctrl", false },
};

/* Typed at once, and key by key: the same. */
static void test_filter(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(typing); i++)
		for (size_t step = 1; step <= 8; step += 7) {
			struct attach_filter f = { .matched = 0 };
			size_t len = strlen(typing[i].typed);
			unsigned char out[64 + ATTACH_KEYS_MAX];
			bool detached = false;
			struct err e = ERR_INIT;
			size_t n = 0;

			assert_int_equal(attach_keys_parse(&f.keys, typing[i].keys, &e), 0);
			for (size_t at = 0; at < len && !detached; at += step)
				n += attach_filter_add(
					&f, (const unsigned char *)typing[i].typed + at,
					len - at < step ? len - at : step, out + n, &detached);
			assert_int_equal(n, strlen(typing[i].passed));
			assert_memory_equal(out, typing[i].passed, n);
			assert_int_equal(detached, typing[i].detached);
		}
}

/* The shim goes while there is something to send: what it said last counts. */
static void test_gone(void **state UNUSED)
{
	static const enum shim_op said[] = { SHIM_STDIN_DONE, SHIM_EXIT };

	for (size_t heard = 1; heard <= ARRAY_SIZE(said); heard++) {
		AUTO(fd_pair) struct fd_pair s = FD_PAIR_INIT;
		AUTO(fd_pair) struct fd_pair in = FD_PAIR_INIT;
		struct attach_result result = { .end = ATTACH_DETACHED };
		struct attach_opts o = { .out = -1, .err = -1, .pty = -1 };
		struct client c = CLIENT_INIT;
		struct err e = ERR_INIT;

		assert_int_equal(fd_socketpair(&s, SOCK_SEQPACKET, &e), 0);
		assert_int_equal(fd_pipe(&in, &e), 0);
		assert_int_equal(write(in.b, "x", 1), 1);
		c.sock = s.a;
		o.in = in.a;
		assert_int_equal(attach_begin(&c, 0, &e), 0);
		for (size_t i = 0; i < heard; i++) {
			struct shim_msg m = shim_msg_make(said[i], 7);

			assert_int_equal(write(s.b, &m, sizeof(m)), sizeof(m));
		}
		fd_auto(&s.b);
		if (heard < ARRAY_SIZE(said)) {
			assert_int_equal(attach_run(&result, &c, &o, &e), -ECONNRESET);
			continue;
		}
		assert_int_equal(attach_run(&result, &c, &o, &e), 0);
		assert_int_equal(result.end, ATTACH_EXITED);
		assert_int_equal(result.exit_code, 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_gone),
	};

	return cmocka_run_group_tests_name("ctr/attach", tests, NULL, NULL);
}
