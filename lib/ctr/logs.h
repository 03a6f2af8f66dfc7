/* logs.h - a container's log, read back: what was written, and what comes.
 *
 * Reads the files log.N ... log.1, log of the data directory in the order in
 * which they were written, and follows rotation.  A record that is torn or
 * not ours is skipped.
 *
 * Errors: -ENOENT no log was ever written; -EPIPE and others of the output.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

#define LOGS_ALL UINT64_MAX

struct logs_opts {
	uint64_t since_ns;		/* wall clock; 0: from the beginning */
	uint64_t until_ns;		/* UINT64_MAX: no end */
	uint64_t tail;			/* last lines; LOGS_ALL */
	bool follow;			/* until the container ends */
	bool timestamps;
	bool mask;			/* control characters, for a terminal */
	int out;			/* -1: that stream is left out */
	int err;
	int run_fd;			/* to see the end when following; -1 */
	/* Called when its shim is gone and nobody writes; NULL: nothing is done */
	int (*adopt)(void *arg, struct err *e);
	void *arg;
};

int logs_print(int data_fd, const struct logs_opts *o, struct err *e) MUST_CHECK;
