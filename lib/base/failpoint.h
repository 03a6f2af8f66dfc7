/* failpoint.h - places where a test build can be made to fail.
 *
 * Compiled only with -DFAILPOINTS (CONFIG=debug, asan, fault); elsewhere a
 * failpoint is the constant 0.  CORACLE_FP, read once, or failpoint_set() says
 * what happens at which (RELIABILITY.md 2.5 H2, a part of its grammar):
 *
 *	NAME=[N*]ACTION[->[N*]ACTION]...[;NAME=...]
 *
 * ACTION is off, kill, error(E) or delay(MS); N* makes it last for N hits and
 * the next step follows; the last step stays.  NAME may be "*": any failpoint.
 *
 * CORACLE_FP_LOG is a file that gets a line "PID NAME" for each that is passed.
 *
 * The one exception to "nothing below bin reads the environment": programs
 * that tests run must be reachable, and releases do not contain it.
 */
#pragma once

#include "lib/base/err.h"

#ifdef FAILPOINTS

/* 0, or the negative errno to fail with; may not return. */
int failpoint(const char *name, struct err *e) MUST_CHECK;

/* Replaces the settings; NULL or "": none.  Aborts on bad grammar.  Counts
 * start again. */
void failpoint_set(const char *text);

/* How often any failpoint was passed since the last failpoint_set(). */
unsigned failpoint_hits(void);

#else

static inline int failpoint(const char *name, struct err *e)
{
	(void)name;
	(void)e;
	return 0;
}

#endif
