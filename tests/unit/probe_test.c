#include "tests/unit/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/os/probe.h"

static void leaves_nothing(void **state)
{
	char dir[] = "/tmp/probe-XXXXXX";
	struct probe p = { .version = 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(probe_run(&p, dir, &e), 0);
	assert_int_equal(p.version, PROBE_VERSION);
	/* Inside needs the namespace: one cannot be had without the other. */
	if (p.userns < 0)
		assert_true(p.overlay < 0 && p.procfs < 0 && p.netns < 0);
	print_message("userns %d netns %d overlay %d procfs %d sysfs %d mount %d "
		      "cgroup %d tun %d fuse %d keyring %d seccomp %d helpers %d %d\n",
		      p.userns, p.netns, p.overlay, p.procfs, p.sysfs, p.mount,
		      p.cgroup, p.tun, p.fuse, p.keyring, p.seccomp, p.newuidmap,
		      p.newgidmap);
	assert_int_equal(rmdir(dir), 0);
}

static void without_a_directory(void **state)
{
	struct probe p;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(probe_run(&p, "/nonexistent", &e), 0);
	assert_int_equal(p.overlay, -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_nothing),
		cmocka_unit_test(without_a_directory),
	};

	return cmocka_run_group_tests_name("probe", tests, NULL, NULL);
}
