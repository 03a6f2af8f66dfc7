#include "tests/unit/test.h"

#include <sys/socket.h>

#include "lib/base/fd.h"
#include "shim/server.h"

static struct server server;
static struct loop loop;
static char got_stdin[64];
static size_t stdin_room;
static int rooms, finals, eofs, requests;

static void op_request(void *arg UNUSED, struct server_client *c, const struct shim_msg *m,
		       int *fds UNUSED, size_t count UNUSED)
{
	requests++;
	server_ok(c, (int64_t)m->op);
}

static ssize_t op_write(void *arg UNUSED, const void *data, size_t len)
{
	size_t n = len < stdin_room ? len : stdin_room;

	strncat(got_stdin, data, n);
	stdin_room -= n;
	return (ssize_t)n;
}

static void op_nothing(void *arg UNUSED)
{
}

static void op_eof(void *arg UNUSED)
{
	eofs++;
}

static void op_room(void *arg UNUSED)
{
	rooms++;
}

static void op_gone(void *arg UNUSED, struct server_client *c UNUSED)
{
}

static bool op_execs(void *arg UNUSED, struct server_client *c UNUSED)
{
	return true;
}

static void op_flushed(void *arg UNUSED)
{
	finals++;
}

static int set_up(void **state UNUSED)
{
	static const struct server_ops ops = {
		op_request, op_write, op_nothing, op_eof, op_room,
		op_gone, op_execs, op_flushed, NULL,
	};
	struct err e = ERR_INIT;

	memset(&server, 0, sizeof(server));
	rooms = finals = eofs = requests = 0;
	got_stdin[0] = '\0';
	stdin_room = sizeof(got_stdin) - 1;
	if (loop_init(&loop, &e) < 0)
		return -1;
	server_init(&server, &loop, &ops);
	return 0;
}

static int tear_down(void **state UNUSED)
{
	server_clear(&server);
	loop_clear(&loop);
	return 0;
}

static int add_client(uint32_t streams)
{
	struct fd_pair p = FD_PAIR_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(fd_socketpair(&p, SOCK_SEQPACKET, &e), 0);
	assert_int_equal(server_add(&server, p.b, streams, &e), 0);
	return p.a;
}

static void turn(void)
{
	struct err e = ERR_INIT;

	for (int i = 0; i < 5; i++)
		assert_int_equal(loop_once(&loop, 0, &e), 0);
}

static void say(int fd, enum shim_op op, const char *text)
{
	struct {
		struct shim_msg m;
		char data[32];
	} out = { shim_msg_make(op, 0), "" };

	out.m.len = (uint32_t)strlen(text);
	strcpy(out.data, text);
	assert_true(send(fd, &out, sizeof(out.m) + out.m.len, MSG_NOSIGNAL) > 0);
	turn();
}

/* The op of the next message, 0 when there is none, -1 at the end. */
static int hear(int fd, int64_t *value)
{
	static char bytes[MAX_SHIM_MESSAGE];
	struct shim_msg m;
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	if (n == 0)
		return -1;
	memcpy(&m, bytes, sizeof(m));
	if (value)
		*value = m.value;
	return (int)m.op;
}

static void flood(int records)
{
	static char bytes[RING_RECORD_MAX];

	for (int i = 0; i < records; i++)
		server_output(&server, SHIM_STDOUT, bytes, sizeof(bytes));
}

static void test_requests(void **state UNUSED)
{
	AUTO_FD int a = add_client(0);

	say(a, SHIM_PING, "");
	assert_int_equal(hear(a, NULL), SHIM_OK);
	say(a, SHIM_KILL, "");
	assert_int_equal(requests, 1);
	assert_int_equal(hear(a, NULL), SHIM_OK);
	/* What is no message ends the connection. */
	assert_int_equal(send(a, "x", 1, 0), 1);
	turn();
	assert_int_equal(hear(a, NULL), -1);
}

static void test_slow_client(void **state UNUSED)
{
	AUTO_FD int slow = add_client(SHIM_ATTACH_OUTPUT);
	AUTO_FD int quick = add_client(SHIM_ATTACH_OUTPUT);

	for (int i = 0; i < 200; i++) {
		assert_true(server_has_room(&server));
		flood(1);
		turn();
		assert_int_equal(hear(quick, NULL), SHIM_STDOUT);
	}
	/* Dropped, after what its socket had taken. */
	assert_int_equal(server.attached, 1);
	while (hear(slow, NULL) == SHIM_STDOUT)
		;
	assert_int_equal(hear(slow, NULL), -1);
}

/* The owner is waited for, loses nothing, and is told the end last. */
static void test_owner(void **state UNUSED)
{
	AUTO_FD int owner = add_client(SHIM_ATTACH_OUTPUT | SHIM_ATTACH_OWNER);
	int sent = 0, heard = 0, op;
	int64_t value = 0;

	while (server_has_room(&server) && sent < 1000) {
		flood(1);
		sent++;
	}
	assert_in_range(sent, 2, 100);
	server_tell_exit(&server, 7);
	assert_int_equal(finals, 0);
	while ((op = hear(owner, &value)) == SHIM_STDOUT) {
		heard++;
		turn();
	}
	assert_int_equal(heard, sent);
	assert_int_equal(op, SHIM_EXIT);
	assert_int_equal(value, 7);
	assert_true(rooms > 0);
	assert_true(finals > 0);
}

static void test_owner_gone(void **state UNUSED)
{
	int owner = add_client(SHIM_ATTACH_OUTPUT | SHIM_ATTACH_OWNER);

	while (server.owner && server_has_room(&server))
		flood(1);
	assert_non_null(server.owner);
	fd_auto(&owner);
	turn();
	assert_true(server_has_room(&server));
	assert_true(rooms > 0);
}

/* A temporary container waits for its owner's word, or its end. */
static void test_release(void **state UNUSED)
{
	AUTO_FD int owner = add_client(SHIM_ATTACH_OWNER);

	server.temporary = true;
	server_tell_exit(&server, 0);
	turn();
	assert_int_equal(hear(owner, NULL), SHIM_EXIT);
	assert_int_equal(finals, 0);
	say(owner, SHIM_RELEASE, "");
	assert_true(finals > 0);
	assert_true(server.released);
}

static void test_stdin(void **state UNUSED)
{
	AUTO_FD int a = add_client(SHIM_ATTACH_STDIN);
	AUTO_FD int b = add_client(SHIM_ATTACH_OUTPUT);

	say(a, SHIM_STDIN, "hello");
	assert_string_equal(got_stdin, "hello");
	assert_int_equal(hear(a, NULL), SHIM_STDIN_DONE);
	stdin_room = 2;
	say(a, SHIM_STDIN, "world");
	say(a, SHIM_STDIN_EOF, "");
	assert_string_equal(got_stdin, "hellowo");
	assert_int_equal(hear(a, NULL), 0);
	assert_int_equal(eofs, 0);
	/* A signal is not held up by that. */
	say(a, SHIM_KILL, "");
	assert_int_equal(hear(a, NULL), SHIM_OK);
	stdin_room = 10;
	server_stdin_room(&server);
	assert_string_equal(got_stdin, "helloworld");
	assert_int_equal(eofs, 1);
	/* Who is not attached to stdin has none. */
	say(b, SHIM_STDIN, "no");
	assert_int_equal(hear(b, NULL), -1);
}

static void test_no_credit(void **state UNUSED)
{
	AUTO_FD int a = add_client(SHIM_ATTACH_STDIN);

	stdin_room = 0;
	say(a, SHIM_STDIN, "one");
	say(a, SHIM_STDIN, "two");
	assert_int_equal(hear(a, NULL), -1);
}

static void test_too_many(void **state UNUSED)
{
	int fds[MAX_SHIM_CLIENTS];
	struct fd_pair p = FD_PAIR_INIT;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < MAX_SHIM_CLIENTS; i++)
		fds[i] = add_client(0);
	assert_int_equal(fd_socketpair(&p, SOCK_SEQPACKET, &e), 0);
	assert_int_equal(server_add(&server, p.b, 0, &e), -EUSERS);
	assert_int_equal(hear(p.a, NULL), -1);
	fd_auto(&p.a);
	for (size_t i = 0; i < MAX_SHIM_CLIENTS; i++)
		fd_auto(&fds[i]);
}

#define WITH(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_requests), WITH(test_slow_client), WITH(test_owner),
		WITH(test_owner_gone), WITH(test_release), WITH(test_stdin),
		WITH(test_no_credit), WITH(test_too_many),
	};

	return cmocka_run_group_tests_name("shim/server", tests, NULL, NULL);
}
