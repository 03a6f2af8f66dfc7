/* helper.h - runs a helper program to its end, with a deadline.
 *
 * The program gets its input whole on descriptor 0 (a sealed memory file, so
 * that a program that does not read cannot block or kill us), its output is
 * gathered up to a limit, its standard error is dropped.  When the deadline
 * passes or it says too much, it is killed and reaped.
 *
 * Errors: -ENOENT the program is not there; -ETIMEDOUT; -EFBIG too much
 * output.  A status other than 0 is no error here: the caller knows what it
 * means.
 */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/err.h"

struct helper {
	const char *program;		/* looked up in PATH */
	char *const *args;		/* after argv[0], ends in NULL; may be NULL */
	char *const *env;		/* NULL: ours */
	const char *input;		/* never NULL */
	unsigned timeout_ms;
};

/* For programs that speak Coracle's own protocol: both descriptors 0 and 1 are
 * a socket.  The input goes there, and one answer comes back, each as four bytes
 * of length (most significant first) and so many bytes; then the program ends
 * with status 0, or all was in vain.  Its standard error is dropped.
 * -EPROTO an answer that is cut short; -EFBIG larger than answer->max; -EIO
 * another status. */
int helper_ask(const struct helper *h, struct buf *answer, struct err *e) MUST_CHECK;

/* *status is the shell's number for how it ended (128 + n: signal n). */
int helper_run(const struct helper *h, struct buf *output, int *status,
	       struct err *e) MUST_CHECK;
