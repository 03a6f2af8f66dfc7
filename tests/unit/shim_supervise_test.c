#include "tests/unit/test.h"

#include <signal.h>
#include <stdio.h>

#include "lib/base/cleanup.h"
#include "shim/supervise.h"

static char did[256];

static void note(const char *what)
{
	strncat(did, what, sizeof(did) - strlen(did) - 1);
}

static void op_signal(void *arg UNUSED, int sig)
{
	note(sig == SIGTERM ? "term " : sig == SIGINT ? "int " : "signal ");
}

static void op_kill(void *arg UNUSED)
{
	note("kill ");
}

static void op_arm(void *arg UNUSED, uint64_t ms)
{
	char text[32];

	snprintf(text, sizeof(text), "arm%llu ", (unsigned long long)ms);
	note(text);
}

static void op_drain(void *arg UNUSED)
{
	note("drain ");
}

static void op_drain_at_once(void *arg)
{
	note("drain ");
	assert_true(supervise_event(arg, EV_DRAINED));
}

static void op_record(void *arg UNUSED)
{
	note("record ");
}

static void op_tell(void *arg UNUSED)
{
	note("tell ");
}

static void op_drop(void *arg UNUSED)
{
	note("drop ");
}

static void op_finish(void *arg UNUSED)
{
	note("finish ");
}

static const struct supervise_ops slow = {
	op_signal, op_kill, op_arm, op_drain, op_record, op_tell, op_drop, op_finish,
};
static const struct supervise_ops quick = {
	op_signal, op_kill, op_arm, op_drain_at_once, op_record, op_tell, op_drop, op_finish,
};

#define END (-1)

static const struct {
	const char *name;
	int sig;
	uint64_t timeout_ms;
	enum life end;
	const char *did;
	int events[12];
} cases[] = {
	{ "ends by itself", SIGTERM, 10, LIFE_DONE,
	  "arm1000 drain record arm2000 tell arm0 finish ",
	  { EV_START, EV_EXIT, EV_DRAINED, EV_FLUSHED, END } },
	{ "stopped in time", SIGTERM, 10, LIFE_DRAINING, "term arm10 arm1000 drain ",
	  { EV_START, EV_STOP, EV_EXIT, END } },
	{ "does not listen", SIGTERM, 10, LIFE_DRAINING, "term arm10 kill arm1000 drain ",
	  { EV_START, EV_STOP, EV_TIMER, EV_EXIT, END } },
	{ "stopped twice", SIGINT, 5, LIFE_STOPPING, "int arm5 int arm5 ",
	  { EV_START, EV_STOP, EV_STOP, END } },
	{ "no grace", SIGTERM, 0, LIFE_STOPPING, "term kill ", { EV_START, EV_STOP, END } },
	{ "for ever", SIGTERM, UINT64_MAX - 1, LIFE_STOPPING, "term arm0 ",
	  { EV_START, EV_STOP, END } },
	{ "killed", SIGKILL, 10, LIFE_STOPPING, "kill ", { EV_START, EV_STOP, END } },
	{ "owner holds the output", SIGTERM, 10, LIFE_CLOSING,
	  "arm1000 drain record record arm2000 tell ",
	  { EV_START, EV_EXIT, EV_TIMER, EV_DRAINED, END } },
	{ "client does not read", SIGTERM, 10, LIFE_DONE,
	  "arm1000 drain record arm2000 tell drop arm0 finish ",
	  { EV_START, EV_EXIT, EV_DRAINED, EV_TIMER, EV_FLUSHED, END } },
};

static void test_lives(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct supervise s = {
			.ops = &slow,
			.stop_signal = cases[i].sig,
			.stop_timeout_ms = cases[i].timeout_ms,
		};

		did[0] = '\0';
		s.arg = &s;
		for (const int *ev = cases[i].events; *ev != END; ev++)
			assert_true(supervise_event(&s, (enum life_event)*ev));
		assert_string_equal(did, cases[i].did);
		assert_int_equal(s.state, cases[i].end);
	}
}

/* An action that causes the next event: the states must not be mixed up. */
static void test_nested(void **state UNUSED)
{
	struct supervise s = { .ops = &quick, .arg = &s, .state = LIFE_RUNNING };

	did[0] = '\0';
	assert_true(supervise_event(&s, EV_EXIT));
	assert_int_equal(s.state, LIFE_CLOSING);
	assert_string_equal(did, "arm1000 drain record arm2000 tell ");
}

static void test_meaningless(void **state UNUSED)
{
	static const struct {
		enum life state;
		enum life_event ev;
	} none[] = {
		{ LIFE_CREATED, EV_STOP }, { LIFE_RUNNING, EV_TIMER },
		{ LIFE_RUNNING, EV_FLUSHED }, { LIFE_DRAINING, EV_STOP },
		{ LIFE_DRAINING, EV_EXIT }, { LIFE_CLOSING, EV_DRAINED },
		{ LIFE_DONE, EV_FLUSHED }, { LIFE_DONE, EV_STOP },
	};

	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		struct supervise s = { .ops = &slow, .arg = &s, .state = none[i].state };

		did[0] = '\0';
		assert_false(supervise_event(&s, none[i].ev));
		assert_int_equal(s.state, none[i].state);
		assert_string_equal(did, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lives),
		cmocka_unit_test(test_nested),
		cmocka_unit_test(test_meaningless),
	};

	return cmocka_run_group_tests_name("shim/supervise", tests, NULL, NULL);
}
