/* criu.h - the program criu (criu.org), which is called by its command line and
 * looked for in PATH.
 *
 * Errors: -ENOENT it is not installed, key "criu.missing"; -EIO it failed, with
 * what its log says.
 */
#pragma once

#include "lib/base/err.h"
#include "lib/base/proc.h"
#include "lib/base/strv.h"

int criu_check(struct err *e) MUST_CHECK;

struct criu_call {
	const char *command;		/* "dump" */
	const char *work;		/* its log goes to the file COMMAND.log there */
	bool verbose;			/* which then tells all that is done */
	struct strv args;		/* the other options */
	const struct proc_fd *fds;	/* that it inherits */
	size_t fd_count;
};

/* Waits for its end; what it restores are children of ours. */
int criu_run(const struct criu_call *c, struct err *e) MUST_CHECK;
