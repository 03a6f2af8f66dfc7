/* exec.h - one more process in a running container.
 *
 * Its descriptors are ours: nothing is copied on the way.  With a terminal
 * the shim makes one inside, and the client moves its bytes.
 *
 * Errors: as ctr_start(), with *exit_status 125, 126 or 127.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/strv.h"
#include "lib/ctr/client.h"
#include "lib/ctr/ctr.h"

struct ctr_exec_opts {
	const struct strv *args;
	const struct strv *env;		/* added to the container's */
	const char *user;		/* NULL: the container's */
	const char *workdir;		/* NULL: the container's */
	bool privileged;
	bool tty;
	bool has_stdin;
	bool detach;			/* no descriptors of ours */
	uint16_t rows, cols;
};

int ctr_exec(struct client *client, struct client_exec *out, struct ctr_env *env,
	     struct ctr *c, const struct ctr_exec_opts *o, int *exit_status,
	     struct err *e) MUST_CHECK;
