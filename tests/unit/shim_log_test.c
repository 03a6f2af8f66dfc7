#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/base/buf.h"
#include "lib/base/fs.h"
#include "shim/log.h"
#include "tests/unit/tmpdir.h"

static struct log the_log;

static struct log *open_log(int dir, uint64_t max_size, uint32_t files)
{
	struct err e = ERR_INIT;

	memset(the_log.line, 0, sizeof(the_log.line));
	assert_int_equal(log_open(&the_log, dir, max_size, files, &e), 0);
	return &the_log;
}

static void add(struct log *l, const char *text)
{
	log_add(l, LOGLINE_STDOUT, text, strlen(text), 1);
}

/* All texts of one file one after the other, records parted by '|'; a line
 * that is no record becomes '#'. */
static void read_file(int dir, const char *name, struct buf *out)
{
	AUTO(buf) struct buf b = BUF_INIT(MIB(16));
	struct err e = ERR_INIT;
	char *line, *save = NULL;

	if (fs_read(dir, name, &b, &e) < 0)
		return;
	for (line = strtok_r(b.data, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct err bad = ERR_INIT;
		struct logline l;

		if (logline_parse(&l, line, strlen(line), &bad) < 0)
			buf_adds(out, "#");
		else
			buf_add(out, l.text, l.len);
		buf_addc(out, '|');
	}
}

static void test_lines(void **state UNUSED)
{
	AUTO(buf) struct buf out = BUF_INIT(MIB(1));
	AUTO_FD int dir = open_dir();
	struct log *l = open_log(dir, 0, 1);

	add(l, "one\ntwo\nthr");
	add(l, "ee\n\nfo");
	log_add(l, LOGLINE_STDERR, "err\n", 4, 1);
	add(l, "ur");
	log_end(l, LOGLINE_STDOUT, 1);
	log_end(l, LOGLINE_STDOUT, 1);
	log_clear(l);
	read_file(dir, "log", &out);
	assert_string_equal(out.data, "one\n|two\n|three\n|\n|err\n|four|");
}

static void test_long_line(void **state UNUSED)
{
	static char text[MAX_LOG_LINE * 2 + 100], out_text[sizeof(text) + 16];
	AUTO(buf) struct buf out = BUF_INIT(MIB(1));
	AUTO_FD int dir = open_dir();
	struct log *l = open_log(dir, 0, 1);
	size_t n = 0;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 2] = '\n';
	/* A character that the cut would go through. */
	memcpy(text + MAX_LOG_LINE - 1, "\xc3\xa9", 2);
	add(l, text);
	log_clear(l);
	read_file(dir, "log", &out);
	for (size_t i = 0; i < out.len; i++)
		if (out.data[i] != '|')
			out_text[n++] = out.data[i];
	out_text[n] = '\0';
	assert_string_equal(out_text, text);
	assert_int_equal(out.data[MAX_LOG_LINE - 1], '|');
}

/* Something tore the last record: it is closed, and spoils no other. */
static void test_torn(void **state UNUSED)
{
	AUTO(buf) struct buf out = BUF_INIT(MIB(1));
	AUTO_FD int dir = open_dir();
	struct log *l = open_log(dir, 0, 1);
	char path[128];

	add(l, "one\ntwo\n");
	log_clear(l);
	snprintf(path, sizeof(path), "%s/log", dir_path);
	assert_int_equal(truncate(path, (off_t)l->size - 9), 0);
	l = open_log(dir, 0, 1);
	add(l, "three\n");
	log_clear(l);
	read_file(dir, "log", &out);
	assert_string_equal(out.data, "one\n|#|three\n|");
}

static void test_symlink(void **state UNUSED)
{
	AUTO_FD int dir = open_dir();
	struct err e = ERR_INIT;

	assert_int_equal(symlinkat("/etc/passwd", dir, "log"), 0);
	assert_int_equal(log_open(&the_log, dir, 0, 1, &e), -ELOOP);
	err_clear(&e);
	assert_int_equal(unlinkat(dir, "log", 0), 0);
	assert_int_equal(mkfifoat(dir, "log", 0600), 0);
	assert_int_equal(log_open(&the_log, dir, 0, 1, &e), -EINVAL);
}

static void test_rotation(void **state UNUSED)
{
	AUTO(buf) struct buf out = BUF_INIT(MIB(1));
	AUTO_FD int dir = open_dir();
	struct log *l = open_log(dir, 100, 3);

	/* Each record is longer than half of a file. */
	for (char line[] = "a\n"; line[0] <= 'f'; line[0]++)
		add(l, line);
	log_clear(l);
	read_file(dir, "log.2", &out);
	read_file(dir, "log.1", &out);
	read_file(dir, "log", &out);
	assert_string_equal(out.data, "d\n|e\n|f\n|");
	assert_int_equal(faccessat(dir, "log.3", F_OK, 0), -1);
}

static void test_one_file(void **state UNUSED)
{
	AUTO(buf) struct buf out = BUF_INIT(MIB(1));
	AUTO_FD int dir = open_dir();
	struct log *l = open_log(dir, 100, 1);

	add(l, "a\n");
	add(l, "b\n");
	log_clear(l);
	read_file(dir, "log", &out);
	assert_string_equal(out.data, "b\n|");
	assert_int_equal(faccessat(dir, "log.1", F_OK, 0), -1);
}

/* --- kill -9 at every system call of a rotation --- */

#define LINES 12
#define FILES 20u		/* more than are filled: nothing may be lost */

static void write_lines(int dir, int first, int *done)
{
	struct log *l = open_log(dir, 200, FILES);

	for (int i = first; i < first + LINES; i++) {
		char line[16];

		snprintf(line, sizeof(line), "%d\n", i);
		add(l, line);
		*done = i;
	}
	log_clear(l);
}

/* Runs write_lines() in a child that is killed at its n-th stop (the entry to
 * or return from a system call); false when it got to its end. */
static bool killed_at(int n, int dir, int *done)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		(void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		(void)raise(SIGSTOP);
		write_lines(dir, 0, done);
		_exit(0);
	}
	assert_true(pid > 0);
	for (int i = 0; i <= n; i++) {
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFSTOPPED(status))
			return false;
		if (i < n)
			assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
	}
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return true;
}

static void check_lines(int dir, int acked)
{
	AUTO(buf) struct buf out = BUF_INIT(MIB(1));
	int next = 0, last_of_dead = -1;
	char *p, *save = NULL;

	for (unsigned i = FILES; i-- > 1;) {
		char name[32];

		snprintf(name, sizeof(name), "log.%u", i);
		read_file(dir, name, &out);
	}
	read_file(dir, "log", &out);
	for (p = strtok_r(out.data, "|", &save); p; p = strtok_r(NULL, "|", &save)) {
		int got = atoi(p);

		assert_int_not_equal(*p, '#');
		if (got == 1000 && next < 1000) {
			last_of_dead = next - 1;
			next = 1000;
		}
		assert_int_equal(got, next++);
	}
	assert_true(last_of_dead >= acked);
	assert_int_equal(next, 1000 + LINES);
}

static void test_killed(void **state UNUSED)
{
	int *done = mmap(NULL, sizeof(*done), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool killed = true;
	int n;

	assert_ptr_not_equal(done, MAP_FAILED);
	for (n = 1; killed; n++) {
		AUTO_FD int dir = -1;
		int ignored = 0;

		assert_int_equal(make_dir(NULL), 0);
		dir = open_dir();
		*done = -1;
		killed = killed_at(n, dir, done);
		write_lines(dir, 1000, &ignored);
		check_lines(dir, *done);
		assert_int_equal(remove_dir(NULL), 0);
	}
	/* open, writes, renames, opens: it did go through a rotation. */
	assert_true(n > 2 * LINES);
	munmap(done, sizeof(*done));
}

#define IN_DIR(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(test_lines), IN_DIR(test_long_line), IN_DIR(test_torn),
		IN_DIR(test_symlink), IN_DIR(test_rotation), IN_DIR(test_one_file),
		cmocka_unit_test(test_killed),
	};

	return cmocka_run_group_tests_name("shim/log", tests, NULL, NULL);
}
