#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "lib/base/buf.h"
#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/ctr/logs.h"
#include "lib/fmt/logline.h"
#include "lib/fmt/shimmsg.h"
#include "shim/log.h"
#include "tests/unit/tmpdir.h"

static void write_records(int dir, const char *name, const char *const *texts)
{
	AUTO(buf) struct buf b = BUF_INIT(MIB(1));
	struct err e = ERR_INIT;

	for (; *texts; texts++) {
		/* "2err\n": at second 2, to stderr */
		bool is_err = !strncmp(*texts + 1, "err", 3);
		struct logline l = {
			.time_ns = (uint64_t)(**texts - '0') * 1000000000u,
			.stream = is_err ? LOGLINE_STDERR : LOGLINE_STDOUT,
			.text = *texts + 1,
			.len = strlen(*texts + 1),
		};
		char out[1024];

		if (**texts == '#')
			buf_adds(&b, *texts);
		else
			buf_add(&b, out, logline_print(out, &l));
	}
	assert_int_equal(fs_replace(dir, name, b.data, b.len, 0600, FS_NOSYNC, &e), 0);
}

static void write_sample(int dir)
{
	static const char *const older[] = { "1one\n", "2two ", NULL };
	static const char *const newer[] = { "3and a half\n", "#torn\n", "4err\n", "5five\n",
					     "6six", NULL };

	write_records(dir, "log.1", older);
	write_records(dir, "log", newer);
}

static const struct {
	const char *name;
	struct logs_opts o;
	bool no_err;
	const char *out;
} reads[] = {
	{ "all", { .tail = LOGS_ALL, .until_ns = UINT64_MAX }, false,
	  "one\ntwo and a half\nerr\nfive\nsix" },
	{ "no stderr", { .tail = LOGS_ALL, .until_ns = UINT64_MAX }, true,
	  "one\ntwo and a half\nfive\nsix" },
	{ "tail 2", { .tail = 2, .until_ns = UINT64_MAX }, false, "five\nsix" },
	{ "tail 3 of stdout", { .tail = 3, .until_ns = UINT64_MAX }, true,
	  "two and a half\nfive\nsix" },
	{ "tail 0", { .tail = 0, .until_ns = UINT64_MAX }, false, "" },
	{ "tail 99", { .tail = 99, .until_ns = UINT64_MAX }, false,
	  "one\ntwo and a half\nerr\nfive\nsix" },
	{ "since", { .tail = LOGS_ALL, .since_ns = 4000000000, .until_ns = UINT64_MAX }, false,
	  "err\nfive\nsix" },
	{ "until", { .tail = LOGS_ALL, .until_ns = 4000000000 }, false,
	  "one\ntwo and a half\nerr\n" },
	{ "until and tail", { .tail = 1, .until_ns = 4000000000 }, false, "err\n" },
	{ "timestamps",
	  { .tail = LOGS_ALL, .since_ns = 2000000000, .until_ns = 3000000000, .timestamps = true },
	  false, "1970-01-01T00:00:02.000000000Z two and a half\n" },
};

static void test_read(void **state UNUSED)
{
	AUTO_FD int dir = open_dir();

	write_sample(dir);
	for (size_t i = 0; i < ARRAY_SIZE(reads); i++) {
		AUTO(fd_pair) struct fd_pair p = FD_PAIR_INIT;
		struct logs_opts o = reads[i].o;
		struct err e = ERR_INIT;
		char got[512] = "";
		ssize_t n;

		assert_int_equal(fd_pipe(&p, &e), 0);
		o.out = p.b;
		o.err = reads[i].no_err ? -1 : p.b;
		o.run_fd = -1;
		assert_int_equal(logs_print(dir, &o, &e), 0);
		fd_auto(&p.b);
		n = read(p.a, got, sizeof(got) - 1);
		assert_true(n >= 0);
		assert_string_equal(got, reads[i].out);
	}
}

static void test_mask(void **state UNUSED)
{
	static const char *const texts[] = { "1a\x1b]52;c;x\x07z\n", "2\xe2\x80\xaex\n", NULL };
	AUTO(fd_pair) struct fd_pair p = FD_PAIR_INIT;
	AUTO_FD int dir = open_dir();
	struct logs_opts o = { .tail = LOGS_ALL, .until_ns = UINT64_MAX, .mask = true,
			       .run_fd = -1 };
	struct err e = ERR_INIT;
	char got[128] = "";

	write_records(dir, "log", texts);
	assert_int_equal(fd_pipe(&p, &e), 0);
	o.out = o.err = p.b;
	assert_int_equal(logs_print(dir, &o, &e), 0);
	assert_true(read(p.a, got, sizeof(got) - 1) > 0);
	assert_null(strchr(got, '\x1b'));
	assert_null(strchr(got, '\x07'));
	assert_null(strstr(got, "\xe2\x80\xae"));
	assert_non_null(strchr(got, '\n'));
}

static void test_none(void **state UNUSED)
{
	AUTO_FD int dir = open_dir();
	struct logs_opts o = { .tail = LOGS_ALL, .until_ns = UINT64_MAX, .out = 1, .err = 2,
			       .run_fd = -1 };
	struct err e = ERR_INIT;

	assert_int_equal(logs_print(dir, &o, &e), -ENOENT);
	err_clear(&e);
	assert_int_equal(symlinkat("/etc/passwd", dir, "log"), 0);
	assert_int_equal(logs_print(dir, &o, &e), -ELOOP);
}

/* --- following a writer that rotates as fast as it can --- */

#define LINES 5000

static void write_page(int dir, enum shim_state state)
{
	struct shim_page p = { .magic = SHIM_MAGIC, .version = SHIM_VERSION, .state = state };
	struct err e = ERR_INIT;

	assert_int_equal(proc_id_of(&p.shim, getpid(), &e), 0);
	assert_int_equal(fs_replace(dir, SHIM_PAGE_NAME, &p, sizeof(p), 0600, FS_NOSYNC, &e), 0);
}

static void write_fast(int dir, int from, int to)
{
	static struct log l;
	struct err e = ERR_INIT;

	assert_int_equal(log_open(&l, dir, 4000, 500, &e), 0);
	for (int i = from; i < to; i++) {
		char line[16];
		int len = snprintf(line, sizeof(line), "%d\n", i);

		log_add(&l, LOGLINE_STDOUT, line, (size_t)len, 1);
	}
	log_clear(&l);
}

static void test_follow(void **state UNUSED)
{
	AUTO(fd_pair) struct fd_pair p = FD_PAIR_INIT;
	AUTO_FD int dir = open_dir();
	struct logs_opts o = { .tail = LOGS_ALL, .until_ns = UINT64_MAX, .follow = true,
			       .err = -1, .run_fd = dir };
	struct err e = ERR_INIT;
	FILE *f;
	char line[64];
	int next = 0, status;
	pid_t pid;

	assert_int_equal(fd_pipe(&p, &e), 0);
	write_fast(dir, 0, 1);
	write_page(dir, SHIM_RUNNING);
	pid = fork();
	if (pid == 0) {
		fd_auto(&p.a);
		o.out = p.b;
		_exit(logs_print(dir, &o, &e) < 0);
	}
	fd_auto(&p.b);
	f = fdopen(take_fd(&p.a), "r");
	while (fgets(line, sizeof(line), f)) {
		assert_int_equal(atoi(line), next++);
		if (next > 1)
			continue;
		write_fast(dir, 1, LINES);	/* it follows by now */
		write_page(dir, SHIM_EXITED);
	}
	fclose(f);
	assert_int_equal(next, LINES);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define IN_DIR(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(test_read), IN_DIR(test_mask), IN_DIR(test_none), IN_DIR(test_follow),
	};

	return cmocka_run_group_tests_name("ctr/logs", tests, NULL, NULL);
}
