#include "tests/unit/test.h"

#include "lib/base/fd.h"
#include "lib/base/loop.h"

struct side {
	struct loop_source source;
	struct loop *loop;
	struct side *other;		/* removed by the handler */
	bool stop;
	unsigned calls;
};

static void on_ready(struct loop_source *s, uint32_t events)
{
	struct side *side = (struct side *)s;
	char c;

	assert_true(events & (EPOLLIN | EPOLLHUP));
	(void)!read(s->fd, &c, 1);
	side->calls++;
	if (side->other)
		loop_remove(side->loop, &side->other->source);
	if (side->stop)
		side->loop->stop = true;
}

static void test_rounds(void **state UNUSED)
{
	AUTO(fd_pair) struct fd_pair p = FD_PAIR_INIT;
	struct loop l;
	struct side a = { .loop = &l, .stop = true };
	struct err e = ERR_INIT;

	assert_int_equal(loop_init(&l, &e), 0);
	assert_int_equal(fd_pipe(&p, &e), 0);
	assert_int_equal(loop_add(&l, &a.source, p.a, EPOLLIN, on_ready, &e), 0);
	assert_int_equal(loop_once(&l, 0, &e), 0);
	assert_int_equal(a.calls, 0);
	assert_int_equal(write(p.b, "xy", 2), 2);
	assert_int_equal(loop_run(&l, &e), 0);
	assert_int_equal(a.calls, 1);
	loop_change(&l, &a.source, 0);
	assert_int_equal(loop_once(&l, 0, &e), 0);
	assert_int_equal(a.calls, 1);
	loop_change(&l, &a.source, EPOLLIN);
	assert_int_equal(loop_once(&l, 0, &e), 0);
	assert_int_equal(a.calls, 2);
	assert_int_equal(loop_add(&l, &a.source, -1, EPOLLIN, on_ready, &e), -EBADF);
	assert_int_equal(a.source.fd, p.a);
	loop_remove(&l, &a.source);
	loop_remove(&l, &a.source);
	assert_int_equal(a.source.fd, -1);
	loop_clear(&l);
	assert_int_equal(l.epoll_fd, -1);
}

/* Each would remove the other: only the first may run. */
static void test_removed_in_round(void **state UNUSED)
{
	AUTO(fd_pair) struct fd_pair p = FD_PAIR_INIT;
	AUTO(fd_pair) struct fd_pair q = FD_PAIR_INIT;
	struct loop l;
	struct side a = { .loop = &l }, b = { .loop = &l, .other = &a };
	struct err e = ERR_INIT;

	a.other = &b;
	assert_int_equal(loop_init(&l, &e), 0);
	assert_int_equal(fd_pipe(&p, &e), 0);
	assert_int_equal(fd_pipe(&q, &e), 0);
	assert_int_equal(loop_add(&l, &a.source, p.a, EPOLLIN, on_ready, &e), 0);
	assert_int_equal(loop_add(&l, &b.source, q.a, EPOLLIN, on_ready, &e), 0);
	assert_int_equal(write(p.b, "x", 1), 1);
	assert_int_equal(write(q.b, "x", 1), 1);
	assert_int_equal(loop_once(&l, 1000, &e), 0);
	assert_int_equal(a.calls + b.calls, 1);
	loop_clear(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rounds),
		cmocka_unit_test(test_removed_in_round),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
