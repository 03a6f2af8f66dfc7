/* attach.h - the terminal's or pipe's end of run, start -a, attach and exec.
 *
 * One loop for all: it moves our stdin to the container and its output to
 * us, passes signals and window sizes on, watches for the detach keys, and
 * ends with the exit code.  The other side is the shim's frames (run, start,
 * attach), or the master of a terminal that the shim made for an exec, or
 * nothing but the exit code (exec without a terminal: the process has our
 * own descriptors).
 *
 * The user's terminal is raw only while attach_run() runs and is restored
 * whenever it returns.  SIGKILL cannot be helped.
 *
 * Signals: while it runs, all but those of job control and of our own faults
 * are blocked and read from a descriptor; the mask is put back at the end.
 *
 * Errors: -EPIPE our stdout cannot be written any more (the container runs
 * on); -ECONNRESET the shim died; -EINTR a signal that is not passed on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/ctr/client.h"

#define ATTACH_KEYS_MAX 8

struct attach_keys {
	unsigned char key[ATTACH_KEYS_MAX];
	size_t len;			/* 0: no detaching by keys */
};

#define ATTACH_KEYS_DEFAULT "ctrl-p,ctrl-q"

/* "ctrl-x,a": letters as themselves, ctrl-a..ctrl-z, ctrl-@ ctrl-[ ctrl-\
 * ctrl-] ctrl-^ ctrl-_; "" for none. */
int attach_keys_parse(struct attach_keys *out, const char *text,
		      struct err *e) MUST_CHECK;

/* A matcher of the keys in what is typed: bytes that might begin the keys are
 * held back until it is known. */
struct attach_filter {
	struct attach_keys keys;
	size_t matched;
};

/* Copies len typed bytes to out (room for len + ATTACH_KEYS_MAX - 1), without the
 * detach keys; *detached when they were completed, the rest is dropped then.
 * Returns the number of bytes in out. */
size_t attach_filter_add(struct attach_filter *f, const unsigned char *typed,
			 size_t len, unsigned char *out, bool *detached);

struct attach_opts {
	int in;				/* -1: no stdin */
	int out;			/* -1: no output */
	int err;
	bool tty;			/* the container has a terminal */
	bool sig_proxy;			/* pass our signals on */
	struct attach_keys keys;	/* looked for with a terminal only */
	uint32_t exec_id;		/* 0: the container */
	int pty;			/* master of the exec's terminal, or -1 */
};

enum attach_end { ATTACH_EXITED, ATTACH_DETACHED };

struct attach_result {
	enum attach_end end;
	int exit_code;			/* -1: unknown */
};

/* Asks the shim to attach this client; not needed after client_launch() with
 * streams, nor for an exec. */
int attach_begin(struct client *c, uint32_t streams, struct err *e) MUST_CHECK;

int attach_run(struct attach_result *out, struct client *c,
	       const struct attach_opts *o, struct err *e) MUST_CHECK;

/* Rows and columns of a terminal; false when fd is none. */
bool attach_window(int fd, uint16_t *rows, uint16_t *cols);
