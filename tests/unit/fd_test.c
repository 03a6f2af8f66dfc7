#include "tests/unit/test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "lib/base/fd.h"
#include "tests/unit/deny.h"

static bool is_cloexec(int fd)
{
	return fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void test_pipe(void **state UNUSED)
{
	AUTO(fd_pair) struct fd_pair p = FD_PAIR_INIT;
	struct err e = ERR_INIT;
	char c = 0;

	assert_int_equal(fd_pipe(&p, &e), 0);
	assert_true(is_cloexec(p.a) && is_cloexec(p.b));
	assert_int_equal(write(p.b, "x", 1), 1);
	assert_int_equal(read(p.a, &c, 1), 1);
	assert_int_equal(c, 'x');
	assert_int_equal(fd_set_nonblock(p.a, true, &e), 0);
	assert_int_equal(read(p.a, &c, 1), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(fd_set_nonblock(p.a, false, &e), 0);
	assert_false(fcntl(p.a, F_GETFL) & O_NONBLOCK);
	assert_int_equal(fd_set_nonblock(-1, true, &e), -EBADF);
}

static void test_sealed(void **state UNUSED)
{
	struct err e = ERR_INIT;
	AUTO_FD int fd = fd_sealed("name", "data", 4, &e);
	char text[8] = "";

	assert_true(fd >= 0 && is_cloexec(fd));
	assert_int_equal(read(fd, text, sizeof(text)), 4);
	assert_string_equal(text, "data");
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 100), -1);
	assert_ptr_equal(mmap(NULL, 4, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
}

static void test_passing(void **state UNUSED)
{
	AUTO(fd_pair) struct fd_pair s = FD_PAIR_INIT;
	AUTO(fd_pair) struct fd_pair p = FD_PAIR_INIT;
	struct err e = ERR_INIT;
	int fds[2] = { -1, -1 };
	size_t count = 2;
	char text[8];
	char c;

	assert_int_equal(fd_socketpair(&s, SOCK_SEQPACKET, &e), 0);
	assert_int_equal(fd_pipe(&p, &e), 0);
	assert_int_equal(fd_send(s.a, "hi", 2, (int[]){ p.a, p.b }, 2, 0, &e), 2);
	assert_int_equal(fd_recv(s.b, text, sizeof(text), fds, &count, 0, &e), 2);
	assert_int_equal(count, 2);
	assert_true(is_cloexec(fds[0]) && is_cloexec(fds[1]));
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(read(p.a, &c, 1), 1);
	fd_auto(&fds[0]);
	fd_auto(&fds[1]);

	/* None sent, none asked for. */
	assert_int_equal(fd_send(s.a, "yo", 2, NULL, 0, 0, &e), 2);
	count = 2;
	assert_int_equal(fd_recv(s.b, text, sizeof(text), fds, &count, 0, &e), 2);
	assert_int_equal(count, 0);

	/* The end, after the last words of one who did not listen any more. */
	assert_int_equal(fd_send(s.b, "you", 3, NULL, 0, 0, &e), 3);
	assert_int_equal(fd_send(s.a, "last", 4, NULL, 0, 0, &e), 4);
	fd_auto(&s.a);
	assert_int_equal(fd_recv(s.b, text, sizeof(text), NULL, NULL, 0, &e), 4);
	assert_int_equal(fd_recv(s.b, text, sizeof(text), NULL, NULL, 0, &e), 0);
}

static int open_count(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += is_open(fd);
	return n;
}

static void test_unwelcome(void **state UNUSED)
{
	AUTO(fd_pair) struct fd_pair s = FD_PAIR_INIT;
	struct err e = ERR_INIT;
	int many[FD_SEND_MAX + 1];
	int fds[1] = { -1 };
	size_t count = 1;
	char text[8];
	int before;

	assert_int_equal(fd_socketpair(&s, SOCK_SEQPACKET, &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = s.a;
	before = open_count();
	assert_int_equal(fd_send(s.a, "x", 1, many, FD_SEND_MAX + 1, 0, &e), -EINVAL);
	err_clear(&e);
	assert_int_equal(fd_send(s.a, "x", 1, many, FD_SEND_MAX, 0, &e), 1);
	assert_int_equal(fd_recv(s.b, text, sizeof(text), fds, &count, 0, &e), -EPROTO);
	err_clear(&e);
	assert_int_equal(open_count(), before);
	assert_int_equal(fd_send(s.a, "x", 1, many, 1, 0, &e), 1);
	assert_int_equal(fd_recv(s.b, text, sizeof(text), NULL, NULL, 0, &e), -EPROTO);
	err_clear(&e);
	count = 1;
	assert_int_equal(fd_send(s.a, "too long text", 13, many, 1, 0, &e), 13);
	assert_int_equal(fd_recv(s.b, text, sizeof(text), fds, &count, 0, &e), -EMSGSIZE);
	assert_int_equal(open_count(), before);
}

static void test_close_from(void **state UNUSED)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		int a = fcntl(0, F_DUPFD, 100);
		int b = fcntl(0, F_DUPFD, 120);
		bool ok = a == 100 && b == 120;

		fd_cloexec_from(110);
		ok = ok && !is_cloexec(a) && is_cloexec(b);
		fd_close_from(101);
		ok = ok && is_open(a) && !is_open(b);
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Opened before the limit was lowered, and so beyond it. */
static void test_close_from_old(void **state UNUSED)
{
	const struct rlimit low = { 64, 64 };
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		int a = fcntl(0, F_DUPFD, 100);
		int b = fcntl(0, F_DUPFD, 900);
		bool ok = a == 100 && b == 900;

		deny_call(SYS_close_range, ENOSYS);
		ok = ok && setrlimit(RLIMIT_NOFILE, &low) == 0;
		fd_cloexec_from(110);
		ok = ok && !is_cloexec(a) && is_cloexec(b);
		fd_close_from(101);
		ok = ok && is_open(a) && !is_open(b);
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* Where memory files are hidden, which here they are from now on. */
static void test_sealed_old(void **state UNUSED)
{
	struct err e = ERR_INIT;
	AUTO_FD int fd = fd_sealed("name", "data", 4, &e);
	AUTO_FD int old = -1, named = -1;
	char text[8] = "";

	assert_int_equal(fd_seals(fd), FD_SEALED);
	deny_call(SYS_memfd_create, EPERM);
	old = fd_sealed("name", "data", 4, &e);
	if (old < 0)
		fail_msg("%s", e.text);
	assert_true(is_cloexec(old));
	assert_int_equal(fd_seals(old), FD_READ_ONLY);
	assert_int_equal(read(old, text, sizeof(text)), 4);
	assert_string_equal(text, "data");
	assert_int_equal(pwrite(old, "x", 1, 0), -1);
	assert_int_equal(ftruncate(old, 0), -1);
	named = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fd_seals(named), FD_NOT_SEALED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_passing),
		cmocka_unit_test(test_unwelcome),
		cmocka_unit_test(test_close_from),
		cmocka_unit_test(test_close_from_old),
		cmocka_unit_test(test_sealed_old),
	};

	return cmocka_run_group_tests_name("fd", tests, NULL, NULL);
}
