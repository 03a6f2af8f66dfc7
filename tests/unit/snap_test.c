#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/os/enter.h"
#include "lib/snap/snap.h"

static char base[64];
static struct idmap map;

static int set_up(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	snprintf(base, sizeof(base), "/tmp/snap-test-XXXXXX");
	assert_non_null(mkdtemp(base));
	map = (struct idmap){ .uids.len = 0 };
	assert_int_equal(id_map_single(&map.uids, geteuid(), 0, &e), 0);
	assert_int_equal(id_map_single(&map.gids, getegid(), 0, &e), 0);
	return 0;
}

static int tear_down(void **state)
{
	AUTO_FD int tmp = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(snap_remove(tmp, base + 5, &map, &e), 0);
	return 0;
}

/* A layer "1" with a file that has two names, a link and an odd mode. */
static int make_layer(const struct snap_driver *d)
{
	struct err e = ERR_INIT;
	char path[128];
	AUTO_FD int fs = -1, fd = -1;

	snprintf(path, sizeof(path), "%s/%s/1/fs/sub", base, d->name);
	fd = fs_mkdirs(AT_FDCWD, path, 0755, &e);
	fd_auto(&fd);
	*strrchr(path, '/') = '\0';
	fs = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fs >= 0);
	assert_int_equal(fs_replace(fs, "a", "text", 4, 0640, FS_NOSYNC, &e), 0);
	assert_int_equal(linkat(fs, "a", fs, "sub/b", 0), 0);
	assert_int_equal(symlinkat("../../x", fs, "l"), 0);
	assert_int_equal(fchmodat(fs, "sub", 02711, 0), 0);
	assert_int_equal(fchmod(fs, 0751), 0);
	return take_fd(&fs);
}

static void test_prepare(void **state)
{
	/* btrfs needs such a file system: tests/run/root_btrfs.bats */
	static const struct snap_driver *const drivers[] = { &snap_overlay, &snap_fuse,
							     &snap_native };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		const struct snap_driver *d = drivers[i];
		AUTO(strv) struct strv lowers = STRV_INIT;
		AUTO(rootfs) struct rootfs root = ROOTFS_INIT;
		AUTO_FD int layer = make_layer(d);
		AUTO_FD int fs = -1;
		char path[256], text[16];
		struct stat st, st2;
		ssize_t len;

		strv_add(&lowers, "1");
		assert_int_equal(snap_prepare(d, base, "2", &lowers, &map, &e), 0);
		snap_describe(&root, d, base, "2", &lowers);
		snprintf(path, sizeof(path), "%s/%s", root.base, root.upper);
		fs = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_int_equal(fstat(fs, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0751);
		assert_int_equal(root.kind == ROOTFS_DIR, d->form == SNAP_MERGED);
		if (d->form != SNAP_MERGED) {
			assert_string_equal(root.lowers.v[0], "1/fs");
			assert_non_null(root.work);
			continue;
		}
		assert_int_equal(fs_read_small(fs, "sub/b", text, sizeof(text), &len, &e), 0);
		assert_string_equal(text, "text");
		assert_int_equal(fstatat(fs, "a", &st, 0), 0);
		assert_int_equal(fstatat(fs, "sub/b", &st2, 0), 0);
		assert_int_equal(st.st_ino, st2.st_ino);
		assert_int_equal(st.st_mode & 07777, 0640);
		assert_int_equal(fstatat(fs, "sub", &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, 02711);
		assert_int_equal(fstatat(layer, "a", &st2, 0), 0);
		assert_int_equal(fstatat(fs, "a", &st, 0), 0);
		assert_true(st.st_ino != st2.st_ino);
		assert_int_equal(st.st_mtim.tv_nsec, st2.st_mtim.tv_nsec);
	}
}

static void test_usage(void **state)
{
	AUTO_FD int layer = make_layer(&snap_native);
	AUTO_FD int dir = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct snap_usage u;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(snap_usage(&u, dir, "native", &map, &e), 0);
	/* native, 1, fs, sub, the link, and one file under two names */
	assert_int_equal(u.inodes, 6);
}

static void test_choose(void **state)
{
	struct snap_env env = { .base = base, .map = &map };
	AUTO_FD int dir = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct snap_driver *d = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(snap_choose(&d, &env, dir, "cache", "zfs", &e), -EINVAL);
	err_clear(&e);
	assert_int_equal(snap_choose(&d, &env, dir, "cache", "no-such", &e), -ENOTSUP);
	assert_ptr_equal(snap_find("no-such"), snap_find("no-such"));
	err_clear(&e);
	assert_int_equal(snap_choose(&d, &env, dir, "cache", "fuse-overlayfs", &e), -ENOTSUP);
	err_clear(&e);
	assert_int_equal(snap_choose(&d, &env, dir, "cache", "native", &e), 0);
	assert_ptr_equal(d, &snap_native);
	assert_int_equal(snap_choose(&d, &env, dir, "cache", NULL, &e), 0);
	assert_int_equal(faccessat(dir, "cache", F_OK, 0), 0);
	/* the answer is believed: a base that is gone is not looked at */
	assert_int_equal(snap_choose(&d, &env, dir, "cache", NULL, &e), 0);
	env.map = NULL;
	assert_int_equal(snap_choose(&d, &env, dir, "cache", NULL, &e), 0);
	assert_int_equal(d->form, SNAP_MERGED);
}

static void test_names(void **state)
{
	AUTO(buf) struct buf text = BUF_INIT(KIB(1));

	(void)state;
	for (size_t i = 0; snap_drivers[i]; i++)
		buf_addf(&text, "%s%s", !i ? "" : snap_drivers[i + 1] ? ", " : " or ",
			 snap_drivers[i]->name);
	assert_string_equal(text.data, SNAP_NAMES);
}

/* Ids that nobody granted: nothing was tried, so nothing is remembered. */
static void test_no_answer(void **state)
{
	static struct idmap refused = {
		.uids = { .at = { { 0, 4000000000u, 1 } }, .len = 1 },
		.gids = { .at = { { 0, 4000000000u, 1 } }, .len = 1 },
	};
	struct snap_env env = { .base = base, .map = &refused };
	AUTO_FD int dir = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO_FREE char *probe = mem_printf(FS_NEW "probe-%d", (int)getpid());
	const struct snap_driver *d = NULL;
	struct err e = ERR_INIT;

	(void)state;
	if (geteuid() == 0)
		skip();
	assert_true(snap_choose(&d, &env, dir, "cache", NULL, &e) < 0);
	assert_string_equal(e.key, "userns.helper");
	assert_null(d);
	assert_int_equal(faccessat(dir, "cache", F_OK, 0), -1);
	assert_int_equal(faccessat(dir, probe, F_OK, 0), -1);
}

/* A probe that had too few descriptors is no answer. */
static void test_too_few(void **state)
{
	struct snap_env env = { .base = base, .map = &map };
	AUTO_FD int dir = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct snap_driver *want = NULL, *d = NULL;
	struct rlimit all, few;
	struct err e = ERR_INIT;
	int r;

	(void)state;
	assert_int_equal(snap_choose(&want, &env, -1, NULL, NULL, &e), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	few = all;
	few.rlim_cur = (rlim_t)dir + 1;
	do {
		err_clear(&e);
		few.rlim_cur++;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		r = snap_choose(&d, &env, dir, "cache", NULL, &e);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
	} while (r == -EMFILE);
	assert_int_equal(r, 0);
	assert_ptr_equal(d, want);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_prepare), TEST(test_usage), TEST(test_choose),
		TEST(test_names), TEST(test_no_answer), TEST(test_too_few),
	};

	return cmocka_run_group_tests_name("snap", tests, NULL, NULL);
}
