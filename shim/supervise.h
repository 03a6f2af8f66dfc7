/* supervise.h - the whole life of a container as a table of states and
 * events.
 *
 * What the actions do to processes, files and clients is behind a set of
 * functions, so that the table can be tested without any.
 *
 * Times are the caller's business: arm() asks for one EV_TIMER after so many
 * milliseconds (a later arm replaces it, 0 disarms).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum life {
	LIFE_CREATED,
	LIFE_RUNNING,
	LIFE_STOPPING,		/* a signal was sent and the clock runs */
	LIFE_DRAINING,		/* init is gone, its output is not all read */
	LIFE_CLOSING,		/* recorded; clients are being told */
	LIFE_DONE,
	LIFES,
};

enum life_event {
	EV_START,		/* the program runs */
	EV_STOP,		/* somebody wants the end */
	EV_TIMER,
	EV_EXIT,		/* init ended */
	EV_DRAINED,		/* nothing is left in pipes and terminal */
	EV_FLUSHED,		/* nothing is owed to any client */
	LIFE_EVENTS,
};

/* An action may cause the next event before it returns. */
struct supervise_ops {
	void (*signal)(void *arg, int sig);	/* to init */
	void (*kill_all)(void *arg);		/* every process, for good */
	void (*arm)(void *arg, uint64_t ms);
	void (*drain)(void *arg);		/* leads to EV_DRAINED */
	void (*record)(void *arg);		/* the end, on disk; idempotent */
	void (*tell)(void *arg);		/* leads to EV_FLUSHED */
	void (*drop_slow)(void *arg);		/* clients that do not read */
	void (*finish)(void *arg);
};

/* Longer than this is never. */
#define SUPERVISE_FOREVER_MS (1000ull * 3600 * 24 * 365)

struct supervise {
	const struct supervise_ops *ops;
	void *arg;
	enum life state;
	int stop_signal;		/* of the latest stop */
	uint64_t stop_timeout_ms;
};

/* Does what the table says; returns false, and does nothing, when the event
 * has no meaning in this state. */
bool supervise_event(struct supervise *s, enum life_event ev);
