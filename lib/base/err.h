/* err.h - the one error value.
 *
 * A struct err lives on the caller's stack, is passed down as the last
 * parameter and never NULL.  Functions return 0 or a count when all is well,
 * and the negative errno when not; then, and only then, the error is set.
 * The return value is for branching, the text is for people: lower case, no
 * full stop, object before cause ("pull 'x': connect: timed out").
 *
 * An error is set once.  Setting it twice loses a cause: debug builds abort,
 * others keep the first.  Recovering is err_clear() in plain sight.
 *
 * The key names a remedy in the hint table of the programs (bin/hint.c); it
 * is a literal such as "subid.none", or NULL.
 */
#pragma once

#include "lib/base/cleanup.h"

#define ERR_TEXT_MAX 1024

struct err {
	int code;			/* 0, or a positive errno */
	const char *key;		/* NULL, or which hint applies */
	char text[ERR_TEXT_MAX];
};

#define ERR_INIT { .code = 0 }

/* Each returns the negative code, so that "return err_set(...)" reads well. */
int err_set(struct err *e, int code, const char *fmt, ...) PRINTF(3, 4);

/* From errno, and so the next call after the one that failed. */
int err_sys(struct err *e, const char *fmt, ...) PRINTF(2, 3);

/* As err_sys, for functions that return a negative errno. */
int err_ret(struct err *e, int ret, const char *fmt, ...) PRINTF(3, 4);

/* Puts context before the text of an error that is set, and returns ret. */
int err_ctx(struct err *e, int ret, const char *fmt, ...) PRINTF(3, 4);

/* Names the remedy of an error that is set, and returns ret. */
int err_hint(struct err *e, int ret, const char *key);

void err_clear(struct err *e);

/* Moves an error to a place that has none, and returns its negative code. */
int err_move(struct err *to, struct err *from);
