/* report.h - what the shim leaves on disk: status page and exit record, each
 * replaced as a whole; and where they live.
 *
 * The run directory may be removed under us (logout).  report_moved() then
 * continues in the fallback directory; the socket is the server's to move.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/fmt/shimmsg.h"

struct report {
	int run_fd;
	int data_fd;
	const char *fallback;		/* "" none; not owned */
	bool durable;			/* the exit record must survive a crash */
	bool recorded;
	struct shim_page page;
};

/* The page of a new run; takes the descriptors. */
int report_init(struct report *r, int run_fd, int data_fd, const char *fallback,
		struct err *e) MUST_CHECK;

/* The page that an earlier shim left, to go on with; -EALREADY that one lives. */
int report_resume(struct report *r, struct err *e) MUST_CHECK;

/* Fills in who init is and that it runs. */
int report_running(struct report *r, pid_t init, struct err *e) MUST_CHECK;
int report_page(struct report *r, struct err *e) MUST_CHECK;

/* The exit record, then the page.  Once; a second call does nothing. */
void report_exit(struct report *r, int code);

/* Has the run directory lost its entry name?  Then another one was opened in
 * its place and the page written there. */
bool report_moved(struct report *r, const char *name);
void report_clear(struct report *r);
