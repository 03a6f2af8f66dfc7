#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "tests/unit/deny.h"

static char top_name[] = "fs_test.XXXXXX";
static int top = -1;

static int set_up(void **state UNUSED)
{
	if (!mkdtemp(top_name))
		return -1;
	top = open(top_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return top < 0 ? -1 : 0;
}

static int tear_down(void **state UNUSED)
{
	struct err e = ERR_INIT;

	fd_auto(&top);
	return fs_rmtree(AT_FDCWD, top_name, &e);
}

static void put(const char *name, const char *text)
{
	struct err e = ERR_INIT;

	assert_int_equal(fs_replace(top, name, text, strlen(text), 0644,
				    FS_NOSYNC, &e), 0);
}

static void expect(int fd, const char *text)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	struct err e = ERR_INIT;

	assert_true(fd >= 0);
	assert_int_equal(fs_read_fd(fd, "f", &b, &e), 0);
	assert_string_equal(b.data, text);
	fd_auto(&fd);
}

static void test_replace_and_read(void **state UNUSED)
{
	AUTO(buf) struct buf b = BUF_INIT(5);
	struct err e = ERR_INIT;
	struct stat st;
	char small[4];
	ssize_t n;

	assert_int_equal(fs_replace(top, "f", "12345", 5, 0600, FS_SYNC, &e), 0);
	assert_int_equal(fs_read(top, "f", &b, &e), 0);
	assert_string_equal(b.data, "12345");
	assert_int_equal(fstatat(top, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	put("f", "123456");
	buf_reset(&b);
	assert_int_equal(fs_read(top, "f", &b, &e), -EFBIG);
	err_clear(&e);
	assert_int_equal(fs_read_small(top, "f", small, sizeof(small), &n, &e), 0);
	assert_int_equal(n, 3);
	assert_string_equal(small, "123");
	assert_int_equal(fs_write_small(top, "f", "xy", &e), 0);
	assert_int_equal(fs_write_small(top, "none", "xy", &e), -ENOENT);
	err_clear(&e);
	assert_int_equal(fs_replace(top, "../f", "x", 1, 0600, FS_NOSYNC, &e), -EINVAL);
	err_clear(&e);
	/* A directory in the way: nothing is left behind. */
	assert_int_equal(mkdirat(top, "dir", 0700), 0);
	assert_true(fs_replace(top, "dir", "x", 1, 0600, FS_NOSYNC, &e) < 0);
	err_clear(&e);
	assert_int_equal(fs_rmtree(top, "dir", &e), 0);
	assert_int_equal(fs_rmtree(top, "f", &e), 0);
}

/* What an image may put where we read a file. */
static void test_hostile_files(void **state UNUSED)
{
	static const char *const bad[] = { "fifo", "dir", "zero" };
	struct err e = ERR_INIT;

	assert_int_equal(mkfifoat(top, "fifo", 0600), 0);
	assert_int_equal(mkdirat(top, "dir", 0700), 0);
	assert_int_equal(symlinkat("/dev/zero", top, "zero"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO(buf) struct buf b = BUF_INIT(100);

		assert_true(fs_read(top, bad[i], &b, &e) < 0);
		err_clear(&e);
		assert_true(fs_read_inroot(top, bad[i], &b, &e) < 0);
		err_clear(&e);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(fs_rmtree(top, bad[i], &e), 0);
}

static void test_lookups(void **state UNUSED)
{
	struct err e = ERR_INIT;
	AUTO_FD int root = fs_mkdirs(top, "root/etc/deep", 0755, &e);
	static const struct {
		const char *path;
		int inroot;		/* 0: it is read, else the error */
		int beneath;
	} cases[] = {
		{ "etc/file", 0, 0 }, { "/etc/file", 0, EXDEV },
		{ "../../../etc/file", 0, EXDEV }, { "etc/deep/../file", 0, 0 },
		{ "absolute", 0, EXDEV }, { "relative", 0, 0 },
		{ "escape", 0, EXDEV }, { "up/etc/file", 0, EXDEV },
		{ "loop", ELOOP, ELOOP }, { "none", ENOENT, ENOENT },
		{ "etc/file/x", ENOTDIR, ENOTDIR }, { "dangling", ENOENT, EXDEV },
	};

	assert_true(root >= 0);
	fd_auto(&root);
	root = fs_open_dir(top, "root", &e);
	assert_true(root >= 0);
	put("secret", "outside");
	{
		AUTO_FD int etc = fs_open_dir(root, "etc", &e);

		assert_int_equal(fs_replace(etc, "file", "inside", 6, 0644, FS_NOSYNC, &e), 0);
	}
	assert_int_equal(symlinkat("/etc/file", root, "absolute"), 0);
	assert_int_equal(symlinkat("etc/deep/../file", root, "relative"), 0);
	assert_int_equal(symlinkat("../../../../../etc/file", root, "escape"), 0);
	assert_int_equal(symlinkat("..", root, "up"), 0);
	assert_int_equal(symlinkat("loop", root, "loop"), 0);
	assert_int_equal(symlinkat("/secret", root, "dangling"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int fd = fs_open_inroot(root, cases[i].path, O_RDONLY, 0, &e);

		if (cases[i].inroot)
			assert_int_equal(fd, -cases[i].inroot);
		else
			expect(fd, "inside");
		err_clear(&e);
		fd = fs_open_beneath(root, cases[i].path, O_RDONLY, 0, &e);
		if (cases[i].beneath)
			assert_int_equal(fd, -cases[i].beneath);
		else
			expect(fd, "inside");
		err_clear(&e);
	}
	fd_auto(&root);
	assert_int_equal(fs_rmtree(top, "root", &e), 0);
	assert_int_equal(fs_rmtree(top, "secret", &e), 0);
}

static void test_mkdirs(void **state UNUSED)
{
	mode_t old = umask(077);
	struct err e = ERR_INIT;
	struct stat st;
	AUTO_FD int a = fs_mkdirs(top, "m/n//o/", 0755, &e);
	AUTO_FD int b = -1;

	umask(old);
	assert_true(a >= 0);
	assert_int_equal(fstatat(top, "m/n", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(fs_check_private(a, "a", &e), 0);
	assert_int_equal(fchmod(a, 0777), 0);
	assert_int_equal(fs_check_private(a, "a", &e), -EPERM);
	err_clear(&e);

	assert_int_equal(symlinkat("/../../outside", a, "link"), 0);
	b = fs_mkdirs_inroot(a, "/x/y/z", 0700, (uid_t)-1, (gid_t)-1, &e);
	assert_true(b >= 0);
	assert_int_equal(fstatat(a, "x/y/z", &st, 0), 0);
	fd_auto(&b);
	b = fs_mkdirs_inroot(a, "x/y/z", 0700, (uid_t)-1, (gid_t)-1, &e);
	assert_true(b >= 0);
	put("file", "");
	assert_true(fs_mkdirs_inroot(top, "file/x", 0700, (uid_t)-1, (gid_t)-1, &e) < 0);
	err_clear(&e);
	assert_int_equal(fs_rmtree(top, "m", &e), 0);
	assert_int_equal(fs_rmtree(top, "file", &e), 0);
}

static void test_rmtree(void **state UNUSED)
{
	struct err e = ERR_INIT;
	AUTO_FD int deep = fs_mkdirs(top, "t/a/b/c", 0755, &e);
	struct stat st;

	put("kept", "x");
	assert_int_equal(symlinkat("../../../../kept", deep, "link"), 0);
	assert_int_equal(symlinkat("../../..", deep, "dirlink"), 0);
	assert_int_equal(fchmodat(top, "t/a/b", 0, 0), 0);
	assert_int_equal(fs_rmtree(top, "t", &e), 0);
	assert_int_equal(fstatat(top, "t", &st, 0), -1);
	assert_int_equal(fstatat(top, "kept", &st, 0), 0);
	assert_int_equal(fs_rmtree(top, "t", &e), 0);		/* missing is fine */
	assert_int_equal(fs_rmtree(top, "..", &e), -EINVAL);
	err_clear(&e);
	assert_int_equal(fs_rmtree(top, "kept", &e), 0);
}

static int count_entry(int dirfd UNUSED, const char *name, unsigned char type UNUSED,
		       void *arg, struct err *e UNUSED)
{
	return str_eq(name, "stop") ? 7 : (++*(int *)arg, 0);
}

static void test_each_and_copy(void **state UNUSED)
{
	struct err e = ERR_INIT;
	AUTO_FD int from = -1, to = -1;
	int count = 0;

	put("a", "0123456789");
	put("b", "");
	assert_int_equal(fs_each(top, count_entry, &count, &e), 0);
	assert_int_equal(count, 2);
	put("stop", "");
	assert_int_equal(fs_each(top, count_entry, &count, &e), 7);

	from = openat(top, "a", O_RDONLY | O_CLOEXEC);
	to = openat(top, "b", O_RDWR | O_CLOEXEC);
	assert_int_equal(fs_copy_data(to, from, UINT64_MAX, &e), 0);
	assert_int_equal(lseek(to, 0, SEEK_END), 10);
	assert_int_equal(lseek(from, 0, SEEK_SET), 0);
	assert_int_equal(ftruncate(to, 0), 0);
	assert_int_equal(lseek(to, 0, SEEK_SET), 0);
	assert_int_equal(fs_copy_data(to, from, 4, &e), 0);
	assert_int_equal(lseek(to, 0, SEEK_END), 4);
	assert_int_equal(fs_copy_data(to, from, 100, &e), -EIO);
	err_clear(&e);
	assert_int_equal(fs_rmtree(top, "a", &e) | fs_rmtree(top, "b", &e) |
			 fs_rmtree(top, "stop", &e), 0);
}

/* Links of /proc lead where no name does; those at its root are ordinary. */
static void test_magic_links(void **state UNUSED)
{
	static const char *const magic[] = {
		"self/cwd", "self/root/etc", "self/exe", "self/fd/0", "self/ns/mnt",
		"self/root", "self/cwd/..",
	};
	struct err e = ERR_INIT;
	AUTO_FD int proc = fs_open_dir(AT_FDCWD, "/proc", &e);
	AUTO_FD int fd = -1;

	for (size_t i = 0; i < ARRAY_SIZE(magic); i++) {
		assert_int_equal(fs_open_inroot(proc, magic[i], O_PATH, 0, &e), -ELOOP);
		err_clear(&e);
		assert_int_equal(fs_open_beneath(proc, magic[i], O_PATH, 0, &e), -ELOOP);
		err_clear(&e);
	}
	fd = fs_open_beneath(proc, "self/stat", O_RDONLY, 0, &e);
	assert_true(fd >= 0);
}

/* All that openat(2) can ask for at the end of a path. */
static void test_last_names(void **state UNUSED)
{
	static const struct {
		const char *path;
		int flags;
		int result;		/* 0: opened */
		mode_t type;
	} cases[] = {
		{ "to-file", O_PATH, 0, S_IFREG },
		{ "to-file", O_PATH | O_NOFOLLOW, 0, S_IFLNK },
		{ "to-file", O_RDONLY | O_NOFOLLOW, ELOOP, 0 },
		{ "to-file", O_RDONLY | O_DIRECTORY, ENOTDIR, 0 },
		{ "to-file/", O_RDONLY, ENOTDIR, 0 },
		{ "file", O_RDONLY | O_DIRECTORY, ENOTDIR, 0 },
		{ "file", O_PATH | O_DIRECTORY, ENOTDIR, 0 },
		{ "file", O_WRONLY | O_CREAT | O_EXCL, EEXIST, 0 },
		{ "to-dir", O_PATH, 0, S_IFDIR },
		{ "to-dir", O_PATH | O_DIRECTORY, 0, S_IFDIR },
		{ "to-dir", O_RDONLY | O_DIRECTORY, 0, S_IFDIR },
		{ "to-dir", O_PATH | O_DIRECTORY | O_NOFOLLOW, ENOTDIR, 0 },
		{ "to-dir/", O_PATH | O_NOFOLLOW, 0, S_IFDIR },
		{ "to-dir", O_WRONLY, EISDIR, 0 },
		{ "to-none", O_PATH, ENOENT, 0 },
		{ "to-none", O_WRONLY | O_CREAT | O_EXCL, EEXIST, 0 },
		{ "to-none", O_WRONLY | O_CREAT, 0, S_IFREG },
		{ "dir/.", O_PATH, 0, S_IFDIR }, { "dir/..", O_PATH, 0, S_IFDIR },
		{ ".", O_RDONLY, 0, S_IFDIR }, { "/", O_PATH, 0, S_IFDIR },
		{ "", O_PATH, ENOENT, 0 },
	};
	struct err e = ERR_INIT;
	AUTO_FD int root = fs_mkdirs(top, "last/dir", 0755, &e);
	struct stat st;

	fd_auto(&root);
	root = fs_open_dir(top, "last", &e);
	assert_int_equal(fs_replace(root, "file", "", 0, 0644, FS_NOSYNC, &e), 0);
	assert_int_equal(symlinkat("dir/../file", root, "to-file"), 0);
	assert_int_equal(symlinkat("/dir", root, "to-dir"), 0);
	assert_int_equal(symlinkat("none", root, "to-none"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO_FD int fd = fs_open_inroot(root, cases[i].path, cases[i].flags, 0600, &e);

		if (cases[i].result) {
			if (fd != -cases[i].result)
				fail_msg("'%s' %o: %d", cases[i].path,
					 (unsigned)cases[i].flags, fd);
			err_clear(&e);
			continue;
		}
		if (fd < 0)
			fail_msg("%s", e.text);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_mode & S_IFMT, cases[i].type);
	}
	assert_int_equal(fs_rmtree(top, "last", &e), 0);
}

static _Noreturn void exchange(int dir, const char *a, const char *b)
{
	for (;;)
		(void)renameat2(dir, a, dir, b, RENAME_EXCHANGE);
}

/* A directory and a link that leads out change places all the time. */
static void test_race(void **state UNUSED)
{
	struct err e = ERR_INIT;
	AUTO_FD int root = fs_mkdirs(top, "race/root/a/b", 0755, &e);
	AUTO_FD int out = fs_mkdirs(top, "race/out/b", 0755, &e);
	struct stat inside, outside, st;
	unsigned opened = 0, lost = 0;
	pid_t pid;

	assert_int_equal(fstat(root, &inside), 0);
	assert_int_equal(fstat(out, &outside), 0);
	fd_auto(&root);
	root = fs_open_dir(top, "race/root", &e);
	assert_int_equal(symlinkat("../out", root, "link"), 0);
	pid = fork();
	if (pid == 0)
		exchange(root, "a", "link");
	for (int i = 0; i < 20000; i++) {
		AUTO_FD int fd = fs_open_inroot(root, "a/b", O_PATH, 0, &e);

		if (fd < 0) {
			/* ../out is /out inside, and that is not there */
			assert_true(fd == -ENOENT || fd == -EAGAIN);
			lost += fd == -EAGAIN;
			err_clear(&e);
			continue;
		}
		opened++;
		assert_int_equal(fstat(fd, &st), 0);
		assert_true(st.st_ino == inside.st_ino);
		assert_false(st.st_ino == outside.st_ino);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(opened > 0);
	assert_true(lost < 200);
	assert_int_equal(fs_rmtree(top, "race", &e), 0);
}

/* The walk by descriptors answers as openat2 does.  The filter stays, so this
 * is the last test. */
static void test_without_openat2(void **state)
{
	deny_call(SYS_openat2, ENOSYS);
	test_hostile_files(state);
	test_lookups(state);
	test_mkdirs(state);
	test_magic_links(state);
	test_last_names(state);
	test_race(state);
	deny_call(SYS_openat2, EPERM);
	test_lookups(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replace_and_read),
		cmocka_unit_test(test_hostile_files),
		cmocka_unit_test(test_lookups),
		cmocka_unit_test(test_mkdirs),
		cmocka_unit_test(test_rmtree),
		cmocka_unit_test(test_each_and_copy),
		cmocka_unit_test(test_magic_links),
		cmocka_unit_test(test_last_names),
		cmocka_unit_test(test_race),
		cmocka_unit_test(test_without_openat2),
	};

	return cmocka_run_group_tests_name("fs", tests, set_up, tear_down);
}
