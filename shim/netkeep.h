/* netkeep.h - keeps the network of a container served.
 *
 * Holds a copy of the tap's descriptor, so that coracle-net can be started
 * again when it died: packets wait in the tap meanwhile.  Starts that fail or
 * do not last are tried again after 100 ms, twice as long each time, up to a
 * minute; ten seconds of service forget that.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/base/loop.h"
#include "rootless/net.h"

struct netkeep {
	struct loop *loop;
	const char *path;		/* "": no network; not owned */
	struct net_config *config;	/* not owned */
	int tap_fd;			/* owned; -1: nothing to serve */
	int init_pidfd;			/* not owned */
	struct net_helper helper;
	struct loop_source answer;	/* of the helper, until it came */
	uint32_t flags;			/* NET_NO_* of the last answer */
	uint64_t started_ns;		/* monotonic */
	uint64_t delay_ms;		/* before the next try */
	uint64_t retry_at_ns;		/* 0: none is due */
};

void netkeep_init(struct netkeep *k);

/* Takes tap_fd.  Ports that cannot be had are told here: with ports, it waits
 * for the helper. */
int netkeep_start(struct netkeep *k, struct loop *loop, const char *path,
		  struct net_config *config, int tap_fd, int init_pidfd,
		  struct err *e) MUST_CHECK;

/* A child ended: was it one of the helper's? */
bool netkeep_ended(struct netkeep *k, pid_t pid);
void netkeep_retry(struct netkeep *k);		/* retry_at_ns has come */
void netkeep_stop(struct netkeep *k);
