#include "tests/unit/test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/str.h"
#include "lib/os/cgroup.h"

static struct cgroup_tree tree = { .fd = -1 };
static char mine[CGROUP_PATH_MAX];

static void bad_paths(void **state)
{
	static const char *const bad[] = { "", "x", "/a/../b", "/..", "/a//b" };
	const struct cgroup_tree none = { .fd = -1 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = ERR_INIT;

		assert_int_equal(cgroup_open(&none, bad[i], &e), -EINVAL);
		err_clear(&e);
		assert_int_equal(cgroup_create(&none, bad[i], &e), -EINVAL);
	}
}

/* A group of our own: a process in it, frozen, thawed, killed; then removed. */
static void life(void **state)
{
	char path[CGROUP_PATH_MAX], there[CGROUP_PATH_MAX];
	struct err e = ERR_INIT;
	AUTO_FD int fd = -1;
	int status;
	pid_t pid;

	(void)state;
	if (tree.fd < 0 || !cgroup_is_delegated(&tree, mine))
		skip();
	assert_true(snprintf(path, sizeof(path), "%.400s/coracle-test-%d/sub",
			     mine[1] ? mine : "", getpid()) > 0);
	fd = cgroup_create(&tree, path, &e);
	if (fd < 0)
		fail_msg("%s", e.text);
	assert_false(cgroup_is_populated(fd));
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	assert_int_equal(cgroup_move(fd, pid, &e), 0);
	assert_int_equal(cgroup_of(pid, there, &e), 0);
	assert_string_equal(there, path);
	assert_true(cgroup_is_populated(fd));
	assert_int_equal(cgroup_freeze(fd, true, &e), 0);
	assert_int_equal(cgroup_freeze(fd, false, &e), 0);
	assert_int_equal(cgroup_kill(fd, &e), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	path[strlen(path) - strlen("/sub")] = '\0';
	if (cgroup_remove(&tree, path, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(cgroup_remove(&tree, path, &e), 0);
}

/* A signal reaches what is below; a cgroup that is in use is nobody's to claim. */
static void claimed_and_signalled(void **state)
{
	char path[CGROUP_PATH_MAX], below[CGROUP_PATH_MAX + 8];
	struct err e = ERR_INIT;
	AUTO_FD int fd = -1, sub = -1;
	int status;
	pid_t pid;

	(void)state;
	if (tree.fd < 0 || !cgroup_is_delegated(&tree, mine))
		skip();
	assert_true(snprintf(path, sizeof(path), "%.400s/coracle-test-%d",
			     mine[1] ? mine : "", getpid()) > 0);
	assert_true(snprintf(below, sizeof(below), "%s/sub", path) > 0);
	fd = cgroup_claim(&tree, path, &e);
	if (fd < 0)
		fail_msg("%s", e.text);
	sub = cgroup_create(&tree, below, &e);
	pid = fork();
	if (pid == 0)
		for (;;)
			pause();
	assert_int_equal(cgroup_move(sub, pid, &e), 0);
	assert_int_equal(cgroup_claim(&tree, path, &e), -EBUSY);
	assert_non_null(strstr(e.text, "processes are in it"));
	err_clear(&e);
	assert_int_equal(cgroup_signal(fd, SIGTERM, &e), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_int_equal(cgroup_freeze(fd, true, &e), 0);
	assert_int_equal(cgroup_claim(&tree, below, &e), -EBUSY);
	assert_non_null(strstr(e.text, "it is frozen"));
	err_clear(&e);
	assert_int_equal(cgroup_remove(&tree, path, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_paths),
		cmocka_unit_test(life),
		cmocka_unit_test(claimed_and_signalled),
	};
	struct err e = ERR_INIT;
	int r;

	if (cgroup_tree_open(&tree, &e) < 0 || cgroup_of(0, mine, &e) < 0)
		cgroup_tree_auto(&tree);
	r = cmocka_run_group_tests_name("cgroup", tests, NULL, NULL);
	cgroup_tree_auto(&tree);
	return r;
}
