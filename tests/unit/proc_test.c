#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/base/fd.h"
#include "lib/base/limits.h"
#include "lib/base/proc.h"
#include "tests/unit/deny.h"

static struct proc_spec shell(char *argv[4], const char *script)
{
	argv[0] = (char *)"sh";
	argv[1] = (char *)"-c";
	argv[2] = (char *)script;
	argv[3] = NULL;
	return (struct proc_spec){ .path = "sh", .search = true, .argv = argv };
}

static void test_run(void **state UNUSED)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	struct err e = ERR_INIT;
	char *argv[4];
	struct proc_spec s = shell(argv, "tr a-z A-Z; echo done");

	assert_int_equal(proc_run(&s, "hello ", &b, &e), 0);
	assert_string_equal(b.data, "HELLO done\n");
	s = shell(argv, "exit 3");
	assert_int_equal(proc_run(&s, NULL, NULL, &e), -EIO);
	assert_non_null(strstr(e.text, "status 3"));
	err_clear(&e);
	s = shell(argv, "kill -9 $$");
	assert_int_equal(proc_run(&s, NULL, NULL, &e), -ENOMEM);
	assert_non_null(strstr(e.text, "was killed"));
	err_clear(&e);
	s.path = "/nonexistent";
	s.search = false;
	assert_int_equal(proc_run(&s, NULL, NULL, &e), -ENOENT);
}

static void test_too_much_output(void **state UNUSED)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	struct err e = ERR_INIT;
	char *argv[4];
	struct proc_spec s = shell(argv, "while :; do echo aaaaaaaaaaaaaaaa; done");

	assert_int_equal(proc_run(&s, NULL, &b, &e), -EFBIG);
}

/* A program that does not read its input is no failure of ours. */
static void test_input_unread(void **state UNUSED)
{
	AUTO(buf) struct buf input = BUF_INIT(MIB(1));
	AUTO(buf) struct buf b = BUF_INIT(1000);
	void (*old)(int) = signal(SIGPIPE, SIG_IGN);
	struct err e = ERR_INIT;
	char *argv[4];
	struct proc_spec s = shell(argv, "exec <&-; echo ok");

	for (size_t i = 0; i < MIB(1); i++)
		buf_addc(&input, 'x');
	assert_int_equal(proc_run(&s, input.data, &b, &e), 0);
	assert_string_equal(b.data, "ok\n");
	signal(SIGPIPE, old);
}

/* Descriptors of the map and no others. */
static void test_descriptors(void **state UNUSED)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	AUTO(fd_pair) struct fd_pair p = FD_PAIR_INIT;
	AUTO(fd_pair) struct fd_pair q = FD_PAIR_INIT;
	int leaked = open("/dev/null", O_RDONLY);
	struct err e = ERR_INIT;
	struct proc_fd map[2];
	char *argv[4];
	struct proc_spec s = shell(argv, "for f in 0 1 2 3 4 5 6 7 8 9 10 11 12; do "
					 "[ -e /proc/$$/fd/$f ] && printf '%s ' $f; done; :");

	assert_true(leaked >= 0);
	assert_int_equal(proc_run(&s, NULL, &b, &e), 0);
	assert_string_equal(b.data, "0 1 2 ");
	assert_int_equal(fd_pipe(&p, &e), 0);
	assert_int_equal(fd_pipe(&q, &e), 0);
	map[0] = (struct proc_fd){ p.b, 3 };
	map[1] = (struct proc_fd){ q.b, 4 };
	s = shell(argv, "printf three >&3; printf four >&4");
	s.fds = map;
	s.fd_count = 2;
	assert_int_equal(proc_run(&s, NULL, NULL, &e), 0);
	{
		char text[16] = "";

		assert_int_equal(read(p.a, text, sizeof(text)), 5);
		assert_memory_equal(text, "three", 5);
		assert_int_equal(read(q.a, text, sizeof(text)), 4);
		assert_memory_equal(text, "four", 4);
	}
	fd_auto(&leaked);
}

static void test_signals_reset(void **state UNUSED)
{
	AUTO(buf) struct buf b = BUF_INIT(1000);
	struct err e = ERR_INIT;
	sigset_t set, old;
	char *argv[4];
	struct proc_spec s = shell(argv, "grep -E 'Sig(Blk|Ign)' /proc/self/status | cut -f2");
	unsigned long long blocked, ignored;
	void (*handler)(int) = signal(SIGUSR1, SIG_IGN);

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	assert_int_equal(proc_run(&s, NULL, &b, &e), 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
	signal(SIGUSR1, handler);
	assert_int_equal(sscanf(b.data, "%llx %llx", &blocked, &ignored), 2);
	assert_int_equal(blocked, 0);
	/* posix_spawn of glibc ignores its own two signals, 32 and 33. */
	assert_int_equal(ignored & ~0x180000000ull, 0);
}

static void test_identity(void **state UNUSED)
{
	AUTO(proc) struct proc p = PROC_INIT;
	struct err e = ERR_INIT;
	struct proc_id id, wrong;
	char *argv[4];
	struct proc_spec s = shell(argv, "exec sleep 100");
	AUTO_FD int fd = -1, dir = -1;
	struct stat st;
	int status;

	assert_int_equal(proc_spawn(&p, &s, &e), 0);
	assert_int_equal(proc_id_of(&id, p.pid, &e), 0);
	assert_true(proc_id_is_alive(&id));
	fd = proc_id_open(&id, &e);
	assert_true(fd >= 0);
	wrong = id;
	wrong.start++;
	assert_false(proc_id_is_alive(&wrong));
	wrong = id;
	wrong.boot[0] = wrong.boot[0] == 'a' ? 'b' : 'a';
	assert_false(proc_id_is_alive(&wrong));
	wrong = id;
	wrong.pid = 0;
	assert_int_equal(proc_id_open(&wrong, &e), -ESRCH);
	err_clear(&e);

	assert_int_equal(proc_pidfd_wait(fd, 0), 0);
	assert_int_equal(proc_pidfd_wait(fd, 20), 0);
	dir = proc_pidfd_dir(fd);
	assert_true(dir >= 0);
	assert_int_equal(fstatat(dir, "ns/user", &st, 0), 0);
	assert_int_equal(proc_pidfd_kill(fd, SIGTERM), 0);
	assert_int_equal(proc_pidfd_wait(fd, 60000), 1);
	assert_false(proc_id_is_alive(&id));		/* a zombie */
	assert_int_equal(proc_wait(&p, &status, &e), 0);
	assert_int_equal(proc_exit_code(status), 128 + SIGTERM);
	assert_int_equal(p.pid, -1);
	assert_int_equal(p.pidfd, -1);
	assert_int_equal(proc_id_open(&id, &e), -ESRCH);
	assert_int_equal(proc_pidfd_kill(fd, SIGTERM), -ESRCH);
	assert_int_equal(proc_pidfd_wait(fd, -1), 1);
	assert_int_equal(fstatat(dir, "ns/user", &st, 0), -1);
	fd_auto(&dir);
	dir = proc_pidfd_dir(fd);
	assert_true(dir < 0 || fstatat(dir, "stat", &st, 0) < 0);
}

/* The filters stay, so this is the last test. */
static void test_without_pidfds(void **state)
{
	deny_call(SYS_pidfd_open, ENOSYS);
	test_identity(state);
	deny_call(SYS_pidfd_send_signal, EPERM);
	test_identity(state);
}

/* The command in /proc/PID/stat may hold anything. */
static void test_odd_name(void **state UNUSED)
{
	static const char name[] = ") R 1 (";
	struct err e = ERR_INIT;
	uint64_t before, after;
	FILE *f;

	assert_int_equal(proc_start_time(getpid(), &before, &e), 0);
	f = fopen("/proc/self/comm", "w");
	assert_non_null(f);
	assert_true(fputs(name, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(proc_start_time(getpid(), &after, &e), 0);
	assert_true(before == after);
}

static void test_signal_names(void **state UNUSED)
{
	static const struct {
		const char *text;
		int signal;		/* 0: none */
	} rows[] = {
		{ "TERM", SIGTERM }, { "SIGTERM", SIGTERM }, { "term", SIGTERM },
		{ "sigKill", SIGKILL }, { "9", 9 }, { "64", 64 }, { "0", 0 }, { "65", 0 },
		{ "", 0 }, { "-9", 0 }, { "SIG", 0 }, { "TERMINATE", 0 }, { "9x", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = ERR_INIT;
		int signal = 0;
		int r = proc_signal(&signal, rows[i].text, &e);

		assert_int_equal(r, rows[i].signal ? 0 : -EINVAL);
		assert_int_equal(signal, rows[i].signal);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_too_much_output),
		cmocka_unit_test(test_input_unread),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_signals_reset),
		cmocka_unit_test(test_signal_names),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_odd_name),
		cmocka_unit_test(test_without_pidfds),
	};

	return cmocka_run_group_tests_name("proc", tests, NULL, NULL);
}
