/* events.h - what happened: containerd's topics, in the order of the commits.
 *
 * Triggers of the schema add a row to each change, in its transaction, and
 * event_task() one for what is no change of a row; about the newest 4096 are
 * kept.  Whoever follows asks again after the last id that
 * it has, when event_version() has changed.
 *
 * Ownership: strings belong to the struct.
 */
#pragma once

#include <stdint.h>

#include "lib/store/store.h"

struct event {
	int64_t id;
	uint64_t time_ns;		/* wall clock, of milliseconds */
	char *topic;			/* "/tasks/exit" */
	char *ns;			/* "" what all namespaces share: content, snapshots */
	char *object;			/* id, name or digest */
	char *name;			/* of containers, else NULL */
	char *image;			/* the same */
	int64_t code;			/* exit code; -1: unknown, or not one that ended */
};

struct events {
	struct event *v;
	size_t len;
};

#define EVENTS_INIT { .v = NULL }

void events_clear(struct events *l);

static inline void events_auto(struct events *l)
{
	events_clear(l);
}

/* Those with a larger id, oldest first, at most max. */
int event_list(struct events *out, struct store *s, int64_t after, size_t max,
	       struct err *e) MUST_CHECK;

/* The largest id; 0: none. */
int event_last(int64_t *id, struct store *s, struct err *e) MUST_CHECK;

/* What happens to the task of a container without any row of it changing. */
int event_task(struct store *s, const char *ns, const char *id, const char *topic,
	       struct err *e) MUST_CHECK;

/* A number that is another one as soon as some other process has written. */
int event_version(int64_t *version, struct store *s, struct err *e) MUST_CHECK;
