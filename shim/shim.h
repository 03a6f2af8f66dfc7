/* shim.h - the supervisor of one container: its parts and what ties them.
 *
 * One process, one epoll loop, no allocation once the container runs.
 * Signals arrive by signalfd; none ends the shim, because the end of what it
 * supervises must be seen.  SIGTERM stops the container, as a stop request
 * does.  Only SIGKILL ends the shim, and that leaves the container running
 * (see stdio.h, SHIM_START_ADOPT).
 *
 * shim_setup() either leaves a running container and has answered
 * SHIM_STARTED, or leaves nothing and the caller answers the error.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/base/limits.h"
#include "lib/base/loop.h"
#include "lib/fmt/shimmsg.h"
#include "lib/runtime/start.h"
#include "shim/execs.h"
#include "shim/log.h"
#include "shim/netkeep.h"
#include "shim/report.h"
#include "shim/server.h"
#include "shim/stdio.h"
#include "shim/supervise.h"

struct shim {
	struct shim_start cfg;		/* strings point into message */
	int plan_fd;
	int cgroup_fd;			/* -1: none */
	int early_cgroup_fd;		/* until the start message has come */
	struct rt_container box;
	int init_pidfd;			/* of box, or of who is adopted */
	bool adopted;
	bool dead;			/* init is */
	int exit_code;
	uint64_t timer_ns;		/* of the life table; 0: off */
	bool may_resume;		/* notes from the server, see */
	bool may_finish;		/* server_ops */
	struct loop loop;
	struct loop_source signals;
	struct loop_source init;	/* pidfd of an adopted init */
	struct supervise life;
	struct report report;
	struct stdio io;
	struct netkeep net;
	struct execs execs;
	struct server server;
	struct log log;
	_Alignas(8) unsigned char net_config[MAX_SHIM_MESSAGE];
	unsigned char message[MAX_SHIM_MESSAGE];
	_Alignas(8) unsigned char early[MAX_SHIM_MESSAGE];
};

/* Reads the start message from sock, which becomes the first client's. */
int shim_receive(struct shim *s, int sock, struct err *e) MUST_CHECK;
int shim_setup(struct shim *s, int sock, struct err *e) MUST_CHECK;
int shim_run(struct shim *s, struct err *e) MUST_CHECK;

/* There is no container after all: undoes what an early plan began. */
void shim_give_up(struct shim *s);

/* --- between the files of the shim --- */

/* What the server and the life table call (events.c). */
void shim_wire(struct shim *s);
int shim_watch(struct shim *s, struct err *e) MUST_CHECK;
void shim_note_network(struct shim *s);	/* who serves it, into the page */
