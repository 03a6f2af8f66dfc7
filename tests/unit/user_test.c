#include "tests/unit/test.h"

#include <stdio.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/user.h"

static const char passwd[] =
	"root:x:0:0:root:/root:/bin/sh\n"
	"\n"
	"# a comment\n"
	"short:x:5:5\n"
	"+nis\n"
	"1000:x:0:0:trap:/trap:/bin/sh\n"
	"app:x:100:101:app:/srv/app:/bin/sh\n"
	"neg:x:-1:5::/:/bin/sh\n"
	"wrap:x:4294967296:5::/:/bin/sh\n"
	"hex:x:0x1:5::/:/bin/sh\n"
	"badgid:x:7:4294967295::/:/bin/sh\n"
	"nohome:x:8:8:::/bin/sh\n"
	"relhome:x:9:9::here:/bin/sh\n"
	"app:x:555:555:second:/no:/bin/sh\n"
	"last:x:4294967294:4294967294::/last:/bin/sh";

static const char group[] =
	"root:x:0:\n"
	"wheel:x:10:root,app\n"
	"app:x:101:app\n"
	"audio:x:29:other,app,app\n"
	"10:x:77:\n"
	"broken:x:zz:app\n"
	"apple:x:30:apple,xapp,appx\n"
	"trap:x:31:1000";

static const struct {
	const char *spec;
	uint32_t uid, gid;
	const char *home;
	const char *groups;
	int error;
} cases[] = {
	{ "", 0, 0, "/root", "10 ", 0 },
	{ "0", 0, 0, "/root", "10 ", 0 },
	{ "root", 0, 0, "/root", "10 ", 0 },
	{ "app", 100, 101, "/srv/app", "10 29 ", 0 },
	{ "100", 100, 101, "/srv/app", "10 29 ", 0 },
	{ "app:wheel", 100, 10, "/srv/app", "", 0 },
	{ "app:10", 100, 10, "/srv/app", "", 0 },
	{ "5:6", 5, 6, "/", "", 0 },
	{ "1000", 1000, 0, "/", "", 0 },
	{ "555", 555, 555, "/no", "10 101 29 ", 0 },
	{ "2147483648", 2147483648u, 0, "/", "", 0 },
	{ "4294967294", 4294967294u, 4294967294u, "/last", "", 0 },
	{ "last", 4294967294u, 4294967294u, "/last", "", 0 },
	{ "00000000001", 1, 0, "/", "", 0 },
	{ "nohome", 8, 8, "/", "", 0 },
	{ "relhome", 9, 9, "/", "", 0 },
	{ "0:4294967294", 0, 4294967294u, "/root", "", 0 },
	{ "-1", 0, 0, NULL, NULL, ENOENT },
	{ "0x1", 0, 0, NULL, NULL, ENOENT },
	{ " 1", 0, 0, NULL, NULL, ENOENT },
	{ "1 ", 0, 0, NULL, NULL, ENOENT },
	{ "4294967295", 0, 0, NULL, NULL, EINVAL },
	{ "4294967296", 0, 0, NULL, NULL, EINVAL },
	{ "18446744073709551616", 0, 0, NULL, NULL, EINVAL },
	{ "0:4294967295", 0, 0, NULL, NULL, EINVAL },
	{ "0:-1", 0, 0, NULL, NULL, ENOENT },
	{ "1:", 0, 0, NULL, NULL, EINVAL },
	{ ":1", 0, 0, NULL, NULL, EINVAL },
	{ ":", 0, 0, NULL, NULL, EINVAL },
	{ "1:2:3", 0, 0, NULL, NULL, EINVAL },
	{ "nobody", 0, 0, NULL, NULL, ENOENT },
	{ "short", 0, 0, NULL, NULL, ENOENT },
	{ "app:nogroup", 0, 0, NULL, NULL, ENOENT },
	{ "app:broken", 0, 0, NULL, NULL, EINVAL },
	{ "neg", 0, 0, NULL, NULL, EINVAL },
	{ "wrap", 0, 0, NULL, NULL, EINVAL },
	{ "hex", 0, 0, NULL, NULL, EINVAL },
	{ "badgid", 0, 0, NULL, NULL, EINVAL },
	{ "7", 0, 0, NULL, NULL, EINVAL },
};

static void test_resolve(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(user) struct user u = USER_INIT;
		AUTO(buf) struct buf b = BUF_INIT(1000);
		struct err e = ERR_INIT;
		int r = user_resolve(&u, cases[i].spec, passwd, strlen(passwd),
				     group, strlen(group), &e);

		if (r != -cases[i].error)
			fail_msg("'%s': %d %s", cases[i].spec, r, e.text);
		if (r < 0)
			continue;
		for (size_t n = 0; n < u.group_count; n++)
			buf_addf(&b, "%u ", u.groups[n]);
		assert_int_equal(u.uid, cases[i].uid);
		assert_int_equal(u.gid, cases[i].gid);
		assert_string_equal(u.home, cases[i].home);
		assert_string_equal(b.data, cases[i].groups);
	}
}

static void test_no_files(void **state UNUSED)
{
	AUTO(user) struct user u = USER_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(user_resolve(&u, NULL, NULL, 0, NULL, 0, &e), 0);
	assert_int_equal(u.uid, 0);
	assert_null(u.name);
	assert_string_equal(u.home, "/");
	user_clear(&u);
	assert_int_equal(user_resolve(&u, "root", NULL, 0, NULL, 0, &e), -ENOENT);
	err_clear(&e);
	assert_int_equal(user_resolve(&u, "1:wheel", NULL, 0, NULL, 0, &e), -ENOENT);
}

static void test_group_add(void **state UNUSED)
{
	AUTO(user) struct user u = USER_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(user_add_group(&u, "audio", group, strlen(group), &e), 0);
	assert_int_equal(user_add_group(&u, "10", group, strlen(group), &e), 0);
	assert_int_equal(user_add_group(&u, "29", NULL, 0, &e), 0);
	assert_int_equal(u.group_count, 2);
	assert_int_equal(u.groups[0], 29);
	assert_int_equal(u.groups[1], 10);	/* not the group named "10" */
	assert_int_equal(user_add_group(&u, "none", group, strlen(group), &e), -ENOENT);
	err_clear(&e);
	for (uint32_t i = 0; i < MAX_USER_GROUPS - 2; i++) {
		char text[16];

		snprintf(text, sizeof(text), "%u", 1000 + i);
		assert_int_equal(user_add_group(&u, text, NULL, 0, &e), 0);
	}
	assert_int_equal(user_add_group(&u, "5", NULL, 0, &e), -E2BIG);
}

/* What an image could hold to make us work, or misread. */
static void test_hostile_files(void **state UNUSED)
{
	size_t len = MAX_ROOT_FILE;
	AUTO_FREE char *lines = mem_zero(len + 1, 1);
	AUTO(buf) struct buf many = BUF_INIT(MIB(1));
	struct err e = ERR_INIT;
	struct user u = USER_INIT;

	memset(lines, '\n', len);
	assert_int_equal(user_resolve(&u, "a", lines, len, NULL, 0, &e), -EFBIG);
	err_clear(&e);
	memset(lines, ':', len);
	assert_int_equal(user_resolve(&u, "a", lines, len, NULL, 0, &e), -ENOENT);
	err_clear(&e);
	assert_int_equal(user_resolve(&u, "a", lines, len + 1, NULL, 0, &e), -EFBIG);
	err_clear(&e);
	assert_int_equal(user_resolve(&u, "a", "a:x:\0:0::/:", 12, NULL, 0, &e), -EINVAL);
	err_clear(&e);
	for (int i = 0; i <= MAX_USER_GROUPS; i++)
		buf_addf(&many, "g%d:x:%d:app\n", i, 5000 + i);
	assert_int_equal(user_resolve(&u, "app", passwd, strlen(passwd), many.data,
				      many.len, &e), -E2BIG);
	assert_null(u.name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resolve),
		cmocka_unit_test(test_no_files),
		cmocka_unit_test(test_group_add),
		cmocka_unit_test(test_hostile_files),
	};

	return cmocka_run_group_tests_name("user", tests, NULL, NULL);
}
