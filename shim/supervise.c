#include "shim/supervise.h"

#include <signal.h>

/* How long a foreground client may hold up the record of the end by not
 * reading, and other clients the end of the shim. */
#define DRAIN_MS 1000
#define CLOSE_MS 2000

typedef void action(struct supervise *s);

static void do_nothing(struct supervise *s)
{
	(void)s;
}

static void do_kill(struct supervise *s)
{
	s->ops->kill_all(s->arg);
}

static void do_term(struct supervise *s)
{
	if (s->stop_signal == SIGKILL) {
		do_kill(s);
		return;
	}
	s->ops->signal(s->arg, s->stop_signal);
	if (!s->stop_timeout_ms)
		do_kill(s);
	else
		s->ops->arm(s->arg, s->stop_timeout_ms < SUPERVISE_FOREVER_MS ?
					    s->stop_timeout_ms : 0);
}

static void do_drain(struct supervise *s)
{
	s->ops->arm(s->arg, DRAIN_MS);
	s->ops->drain(s->arg);
}

static void do_record(struct supervise *s)
{
	s->ops->record(s->arg);
}

static void do_tell(struct supervise *s)
{
	s->ops->record(s->arg);
	s->ops->arm(s->arg, CLOSE_MS);
	s->ops->tell(s->arg);
}

static void do_drop_slow(struct supervise *s)
{
	s->ops->drop_slow(s->arg);
}

static void do_finish(struct supervise *s)
{
	s->ops->arm(s->arg, 0);
	s->ops->finish(s->arg);
}

/* A cell that is not here cannot happen, or means nothing any more. */
static const struct {
	enum life next;
	action *act;
} moves[LIFES][LIFE_EVENTS] = {
	[LIFE_CREATED] = {
		[EV_START] = { LIFE_RUNNING, do_nothing },
	},
	[LIFE_RUNNING] = {
		[EV_STOP] = { LIFE_STOPPING, do_term },
		[EV_EXIT] = { LIFE_DRAINING, do_drain },
	},
	[LIFE_STOPPING] = {
		[EV_STOP] = { LIFE_STOPPING, do_term },
		[EV_TIMER] = { LIFE_STOPPING, do_kill },
		[EV_EXIT] = { LIFE_DRAINING, do_drain },
	},
	[LIFE_DRAINING] = {
		[EV_TIMER] = { LIFE_DRAINING, do_record },
		[EV_DRAINED] = { LIFE_CLOSING, do_tell },
	},
	[LIFE_CLOSING] = {
		[EV_TIMER] = { LIFE_CLOSING, do_drop_slow },
		[EV_FLUSHED] = { LIFE_DONE, do_finish },
	},
};

bool supervise_event(struct supervise *s, enum life_event ev)
{
	action *act = moves[s->state][ev].act;

	if (!act)
		return false;
	s->state = moves[s->state][ev].next;
	act(s);
	return true;
}
