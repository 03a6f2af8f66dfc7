/* sockpool.h - sockets of the container's namespace, kept ready.
 *
 * The other side of the socket maker (rootless/netns.h): asks ahead, so that
 * a connection rarely waits.  When it must, arrived() is called later.
 *
 * Ownership: a socket that sockpool_get() returned is the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/loop.h"

#define SOCKPOOL_KINDS	4		/* IPv4 and IPv6, TCP and UDP */
#define SOCKPOOL_HIGH	64

struct sockpool_kind {
	int fds[SOCKPOOL_HIGH];
	unsigned count;
	unsigned asked;			/* requests without a reply */
	bool is_transparent;
};

struct sockpool {
	struct loop_source src;
	struct loop *loop;
	int fd;				/* of the maker; -1: it is gone */
	struct sockpool_kind kinds[SOCKPOOL_KINDS];
	void (*arrived)(void *arg);
	void *arg;
};

int sockpool_init(struct sockpool *p, struct loop *l, int maker_fd,
		  void (*arrived)(void *arg), void *arg, struct err *e) MUST_CHECK;

/* Would sockpool_get() give an answer now?  If not, it was asked for. */
bool sockpool_ready(struct sockpool *p, int family, int proto);

/* A non-blocking socket; -EAGAIN: wait for arrived(); -EPIPE: never again. */
int sockpool_get(struct sockpool *p, int family, int proto,
		 bool *is_transparent) MUST_CHECK;

/* Asks ahead for sockets that will be wanted. */
void sockpool_prepare(struct sockpool *p, int family, int proto);
