#include "tests/unit/test.h"

#include <poll.h>
#include <string.h>

#include "lib/base/str.h"
#include "lib/os/cgroup_stats.h"
#include "tests/unit/tmpdir.h"

static int group = -1;

static int make_group(void **state)
{
	if (make_dir(state) < 0)
		return -1;
	group = open_dir();
	return 0;
}

static int remove_group(void **state)
{
	fd_auto(&group);
	return remove_dir(state);
}

static void add_file(const char *name, const char *text)
{
	struct err e = ERR_INIT;

	assert_int_equal(fs_replace(group, name, text, strlen(text), 0644, FS_NOSYNC, &e), 0);
}

static void figures(void **state UNUSED)
{
	add_file("memory.max", "max\n");
	add_file("memory.events", "low 0\nmax 5\noom 2\noom_kill 3\n");
	assert_true(cgroup_figure(group, "memory.max", NULL, 0) == CGFILE_MAX);
	assert_true(cgroup_figure(group, "memory.min", NULL, 7) == 7);
	assert_int_equal(cgroup_figure(group, "memory.events", "max", 0), 5);
	assert_int_equal(cgroup_figure(group, "memory.events", "high", 9), 9);
	assert_int_equal(cgroup_oom_kills(group), 3);
}

static void all(void **state UNUSED)
{
	AUTO(cgroup_stats) struct cgroup_stats s;

	add_file("cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 4\n"
		 "nr_throttled 3\nthrottled_usec 2\n");
	add_file("memory.current", "100\n");
	add_file("memory.peak", "200\n");
	add_file("memory.max", "300\n");
	add_file("memory.events", "max 1\n");
	add_file("memory.swap.current", "10\n");
	add_file("memory.swap.max", "max\n");
	add_file("memory.swap.events", "fail 6\n");
	add_file("memory.stat", "anon 1\nfile 2\n");
	add_file("pids.current", "5\n");
	add_file("pids.max", "50\n");
	add_file("io.stat", "8:0 rbytes=1 wios=2\n8:16 rbytes=3\n");
	add_file("hugetlb.2MB.current", "2097152\n");
	add_file("hugetlb.2MB.max", "4194304\n");
	add_file("hugetlb.2MB.events", "max 8\n");
	add_file("hugetlb.2MB.rsvd.current", "1\n");
	add_file("io.pressure", "some total=1\nfull total=2\n");
	cgroup_stats_read(&s, group);
	assert_true(s.cpu_us == 30 && s.cpu_user_us == 20 && s.cpu_system_us == 10);
	assert_true(s.periods == 4 && s.throttled == 3 && s.throttled_us == 2);
	assert_true(s.memory == 100 && s.memory_peak == 200 && s.memory_limit == 300);
	assert_true(s.memory_failures == 1 && s.swap == 10 && s.swap_failures == 6);
	assert_true(s.swap_limit == UINT64_MAX && s.swap_peak == UINT64_MAX);
	assert_string_equal(s.memory_stat.data, "anon 1\nfile 2\n");
	assert_true(s.pids == 5 && s.pids_limit == 50);
	assert_int_equal(s.io_count, 2);
	assert_true(s.io[0].writes == 2 && s.io[1].minor == 16 && s.io[1].read_bytes == 3);
	assert_int_equal(s.hugetlb_count, 1);
	assert_string_equal(s.hugetlb[0].size, "2MB");
	assert_true(s.hugetlb[0].usage == 2097152 && s.hugetlb[0].failures == 8);
	assert_true(s.io_psi.full.total_us == 2 && s.cpu_psi.some.total_us == UINT64_MAX);
}

static void none(void **state UNUSED)
{
	AUTO(cgroup_stats) struct cgroup_stats s;

	cgroup_stats_read(&s, group);
	assert_true(s.cpu_us == UINT64_MAX && s.memory == UINT64_MAX && s.pids == UINT64_MAX);
	assert_true(!s.io_count && !s.hugetlb_count && !s.memory_stat.len);
	assert_int_equal(cgroup_oom_kills(group), 0);
}

static bool is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void watch(void **state UNUSED)
{
	struct err e = ERR_INIT;
	AUTO_FD int fd = cgroup_watch(group, &e);

	assert_int_equal(fd, -ENOENT);
	err_clear(&e);
	add_file("cgroup.events", "populated 1\n");
	fd = cgroup_watch(group, &e);
	assert_true(fd >= 0);
	assert_false(is_readable(fd));
	assert_int_equal(fs_write_small(group, "cgroup.events", "populated 0\n", &e), 0);
	assert_true(is_readable(fd));
	cgroup_watch_drain(fd);
	assert_false(is_readable(fd));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_group, remove_group)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(figures),
		TEST(all),
		TEST(none),
		TEST(watch),
	};

	return cmocka_run_group_tests_name("cgroup_stats", tests, NULL, NULL);
}
