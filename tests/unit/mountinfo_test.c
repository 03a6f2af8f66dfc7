#include "tests/unit/test.h"

#include <fcntl.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/fmt/mountinfo.h"

static void test_lines(void **state UNUSED)
{
	char text[] =
		"36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - "
		"ext3 /dev/root rw,errors=continue\n"
		"1 0 0:1 / / rw - rootfs rootfs rw\n"
		"2 1 0:2 / /a\\134b\\012\\011\\043 ro shared:7 master:9 "
		"propagate_from:3 - tmpfs  rw";
	struct mountinfo_iter it;
	struct mountinfo m;
	struct err e = ERR_INIT;

	mountinfo_begin(&it, text, strlen(text));
	assert_int_equal(mountinfo_next(&it, &m, &e), 1);
	assert_int_equal(m.id, 36);
	assert_int_equal(m.parent, 35);
	assert_int_equal(m.major, 98);
	assert_int_equal(m.minor, 0);
	assert_string_equal(m.root, "/mnt1");
	assert_string_equal(m.target, "/mnt 2");
	assert_string_equal(m.options, "rw,noatime");
	assert_int_equal(m.master, 1);
	assert_int_equal(m.shared, 0);
	assert_string_equal(m.fstype, "ext3");
	assert_string_equal(m.source, "/dev/root");
	assert_string_equal(m.super_options, "rw,errors=continue");

	assert_int_equal(mountinfo_next(&it, &m, &e), 1);
	assert_string_equal(m.target, "/");
	assert_int_equal(m.master, 0);

	assert_int_equal(mountinfo_next(&it, &m, &e), 1);
	assert_string_equal(m.target, "/a\\b\n\t#");
	assert_int_equal(m.shared, 7);
	assert_int_equal(m.master, 9);
	assert_string_equal(m.source, "");
	assert_int_equal(mountinfo_next(&it, &m, &e), 0);
	assert_int_equal(mountinfo_next(&it, &m, &e), 0);
}

static void test_bad_lines(void **state UNUSED)
{
	static const char *const bad[] = {
		"", "1", "x 1 0:1 / / rw - a b c", "1 1 0 / / rw - a b c",
		"1 1 0:1 / / rw a b c", "1 1 0:1 / / rw -", "1 1 0:1 / / rw - a b",
		"1 1 0:1 / rel rw - a b c", "1 1 0:1 / / rw shared:x - a b c",
		"4294967296 1 0:1 / / rw - a b c", "-1 1 0:1 / / rw - a b c",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO(buf) struct buf b = BUF_INIT(1000);
		struct mountinfo_iter it;
		struct mountinfo m;
		struct err e = ERR_INIT;

		buf_addf(&b, "%s\n9 1 0:1 / / rw - a b c\n", bad[i]);
		mountinfo_begin(&it, b.data, b.len);
		assert_int_equal(mountinfo_next(&it, &m, &e), -EINVAL);
		assert_non_null(strstr(e.text, "line 1 "));
		err_clear(&e);
		assert_int_equal(mountinfo_next(&it, &m, &e), 1);
		assert_int_equal(m.id, 9);
	}
}

static void test_this_process(void **state UNUSED)
{
	AUTO(buf) struct buf b = BUF_INIT(MIB(4));
	struct mountinfo_iter it;
	struct mountinfo m;
	struct err e = ERR_INIT;
	bool root = false;
	int r;

	AUTO_FD int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fs_read_fd(fd, "mountinfo", &b, &e), 0);
	mountinfo_begin(&it, b.data, b.len);
	while ((r = mountinfo_next(&it, &m, &e)) > 0)
		root = root || !strcmp(m.target, "/");
	assert_int_equal(r, 0);
	assert_true(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_this_process),
	};

	return cmocka_run_group_tests_name("mountinfo", tests, NULL, NULL);
}
