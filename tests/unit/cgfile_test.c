#include "tests/unit/test.h"

#include "lib/fmt/cgfile.h"

static void test_proc_cgroup(void **state UNUSED)
{
	static const char hybrid[] =
		"12:cpu,cpuacct:/user.slice\n"
		"1:name=systemd:/init:scope\n"
		"0::/user.slice/user-1000.slice\n";
	const char *p = hybrid;
	struct cgfile_line l;
	struct err e = ERR_INIT;
	char path[64];

	assert_int_equal(cgfile_next(&p, &l, &e), 1);
	assert_int_equal(l.hierarchy, 12);
	assert_int_equal(l.controllers_len, 11);
	assert_memory_equal(l.controllers, "cpu,cpuacct", 11);
	assert_int_equal(cgfile_next(&p, &l, &e), 1);
	assert_int_equal(l.path_len, 11);
	assert_memory_equal(l.path, "/init:scope", 11);
	assert_int_equal(cgfile_next(&p, &l, &e), 1);
	assert_int_equal(cgfile_next(&p, &l, &e), 0);

	assert_int_equal(cgfile_v2_path(hybrid, path, sizeof(path), &e), 0);
	assert_string_equal(path, "/user.slice/user-1000.slice");
	assert_int_equal(cgfile_v2_path("0::/", path, 2, &e), 0);
	assert_string_equal(path, "/");
	assert_int_equal(cgfile_v2_path("0::/a", path, 2, &e), -ENAMETOOLONG);
	err_clear(&e);
	assert_int_equal(cgfile_v2_path("1:cpu:/\n", path, 9, &e), -ENOENT);
	err_clear(&e);
	assert_int_equal(cgfile_v2_path("", path, 9, &e), -ENOENT);
}

static void test_bad_proc_cgroup(void **state UNUSED)
{
	static const char *const bad[] = {
		"\n", "0", "0:", "0::", "0::rel\n", "x::/\n", "-1::/\n", "::/\n",
		"4294967296::/\n", "00000000000000000000000000::/\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = ERR_INIT;
		char path[9];

		assert_int_equal(cgfile_v2_path(bad[i], path, sizeof(path), &e), -EINVAL);
	}
}

static void test_lists(void **state UNUSED)
{
	assert_true(cgfile_has("cpu io memory pids\n", "cpu"));
	assert_true(cgfile_has("cpu io memory pids\n", "pids"));
	assert_true(cgfile_has("memory", "memory"));
	assert_false(cgfile_has("cpuset io\n", "cpu"));
	assert_false(cgfile_has("xcpu\n", "cpu"));
	assert_false(cgfile_has("\n", ""));
	assert_false(cgfile_has("", "cpu"));
}

static void test_flat(void **state UNUSED)
{
	static const char text[] = "low 0\noom 3\noom_kill 18446744073709551615\nbad x\n";
	struct err e = ERR_INIT;
	uint64_t v;

	assert_int_equal(cgfile_flat(text, "oom", &v, &e), 0);
	assert_int_equal(v, 3);
	assert_int_equal(cgfile_flat(text, "oom_kill", &v, &e), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(cgfile_flat(text, "oo", &v, &e), -ENOENT);
	err_clear(&e);
	assert_int_equal(cgfile_flat(text, "bad", &v, &e), -EINVAL);
	err_clear(&e);
	assert_int_equal(cgfile_flat("oom", "oom", &v, &e), -ENOENT);
}

static void test_values(void **state UNUSED)
{
	struct err e = ERR_INIT;
	uint64_t v, quota, period;

	assert_int_equal(cgfile_value("max\n", &v, &e), 0);
	assert_true(v == CGFILE_MAX);
	assert_int_equal(cgfile_value("4096", &v, &e), 0);
	assert_int_equal(v, 4096);
	assert_int_equal(cgfile_value("", &v, &e), -EINVAL);
	err_clear(&e);
	assert_int_equal(cgfile_value("1\n2\n", &v, &e), -EINVAL);
	err_clear(&e);
	assert_int_equal(cgfile_value("maximum", &v, &e), -EINVAL);
	err_clear(&e);

	assert_int_equal(cgfile_cpu_max("max 100000\n", &quota, &period, &e), 0);
	assert_true(quota == CGFILE_MAX);
	assert_int_equal(period, 100000);
	assert_int_equal(cgfile_cpu_max("50000 100000", &quota, &period, &e), 0);
	assert_int_equal(quota, 50000);
	assert_int_equal(cgfile_cpu_max("50000\n", &quota, &period, &e), -EINVAL);
	err_clear(&e);
	assert_int_equal(cgfile_cpu_max("1 max", &quota, &period, &e), -EINVAL);
}

static void flat_lines(void **state)
{
	const char *p = "anon 4096\nfile 0\nmax max";
	const char *const all = p;
	const char *name;
	struct err e = ERR_INIT;
	uint64_t v;
	size_t len;

	(void)state;
	assert_int_equal(cgfile_next_flat(&p, &name, &len, &v, &e), 1);
	assert_int_equal(len, 4);
	assert_memory_equal(name, "anon", 4);
	assert_int_equal(v, 4096);
	assert_int_equal(cgfile_next_flat(&p, &name, &len, &v, &e), 1);
	assert_int_equal(v, 0);
	assert_int_equal(cgfile_next_flat(&p, &name, &len, &v, &e), 1);
	assert_true(v == CGFILE_MAX);
	assert_int_equal(cgfile_next_flat(&p, &name, &len, &v, &e), 0);
	assert_ptr_equal(p, all + strlen(all));
}

static void bad_flat_lines(void **state)
{
	static const char *const bad[] = { "anon", "\n", " 5", "anon x\n", "anon \n", "a\n5" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *p = bad[i], *name;
		struct err e = ERR_INIT;
		uint64_t v;
		size_t len;

		assert_int_equal(cgfile_next_flat(&p, &name, &len, &v, &e), -EINVAL);
	}
}

static void io_stat(void **state)
{
	const char *p = "8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6 cost.usage=7\n"
			"254:0 \n"
			"4294967295:4294967295 wios=18446744073709551615";
	struct err e = ERR_INIT;
	struct cgfile_io io;

	(void)state;
	assert_int_equal(cgfile_next_io(&p, &io, &e), 1);
	assert_true(io.major == 8 && io.minor == 16);
	assert_true(io.read_bytes == 1 && io.write_bytes == 2 && io.discard_bytes == 5);
	assert_true(io.reads == 3 && io.writes == 4 && io.discards == 6);
	assert_int_equal(cgfile_next_io(&p, &io, &e), 1);
	assert_true(io.major == 254 && io.minor == 0 && io.read_bytes == 0);
	assert_int_equal(cgfile_next_io(&p, &io, &e), 1);
	assert_true(io.minor == UINT32_MAX && io.writes == UINT64_MAX);
	assert_int_equal(cgfile_next_io(&p, &io, &e), 0);
}

static void bad_io_stat(void **state)
{
	static const char *const bad[] = {
		"8", "8:\n", ":0 rios=1\n", "8:0 rios=\n", "8:0 rios=x\n", "8:4294967296 rios=1\n", "\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *p = bad[i];
		struct err e = ERR_INIT;
		struct cgfile_io io;

		assert_int_equal(cgfile_next_io(&p, &io, &e), -EINVAL);
	}
}

static void pressure(void **state)
{
	struct cgfile_pressure p = { .some = { .avg10 = 9 } };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(cgfile_pressure("some avg10=0.25 avg60=100.00 avg300=12.3 total=42\n"
					 "full avg10=0.00 avg60=0.01 avg300=0.00 total=7\n", &p, &e), 0);
	assert_int_equal(p.some.avg10, 25);
	assert_int_equal(p.some.avg60, 10000);
	assert_int_equal(p.some.avg300, 1230);
	assert_int_equal(p.some.total_us, 42);
	assert_int_equal(p.full.avg60, 1);
	assert_int_equal(p.full.total_us, 7);
	/* older kernels have no second line for cpu */
	assert_int_equal(cgfile_pressure("some total=5", &p, &e), 0);
	assert_int_equal(p.full.total_us, 0);
	assert_int_equal(cgfile_pressure("some avg10=x\n", &p, &e), -EINVAL);
	err_clear(&e);
	assert_int_equal(cgfile_pressure("none total=5\n", &p, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proc_cgroup),
		cmocka_unit_test(test_bad_proc_cgroup),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_flat),
		cmocka_unit_test(test_values),
		cmocka_unit_test(flat_lines),
		cmocka_unit_test(bad_flat_lines),
		cmocka_unit_test(io_stat),
		cmocka_unit_test(bad_io_stat),
		cmocka_unit_test(pressure),
	};

	return cmocka_run_group_tests_name("cgfile", tests, NULL, NULL);
}
