/* loop.h - an epoll loop for small servers: the shim, the network helper.
 *
 * Sources are embedded in what they belong to; the loop allocates nothing and
 * frees nothing.  A source may be removed at any time, also by another one's
 * handler in the same round: the handler of a removed source is not called.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "lib/base/err.h"

struct loop;
struct loop_source;

typedef void loop_fn(struct loop_source *s, uint32_t events);

struct loop_source {
	int fd;			/* -1: not in a loop; not owned */
	uint32_t events;
	loop_fn *fn;
};

#define LOOP_BATCH 32

struct loop {
	int epoll_fd;
	bool stop;
	int count;		/* of the round's events */
	struct epoll_event round[LOOP_BATCH];
};

int loop_init(struct loop *l, struct err *e) MUST_CHECK;
void loop_clear(struct loop *l);
int loop_add(struct loop *l, struct loop_source *s, int fd, uint32_t events,
	     loop_fn *fn, struct err *e) MUST_CHECK;
void loop_change(struct loop *l, struct loop_source *s, uint32_t events);
void loop_remove(struct loop *l, struct loop_source *s);

/* Removes a source by closing its descriptor, which must be the only one of
 * its file: one system call less. */
void loop_close(struct loop *l, struct loop_source *s);

/* One round: waits at most timeout_ms (-1: for ever). */
int loop_once(struct loop *l, int timeout_ms, struct err *e) MUST_CHECK;

/* Rounds until stop is set. */
int loop_run(struct loop *l, struct err *e) MUST_CHECK;
