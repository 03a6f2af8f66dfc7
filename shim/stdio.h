/* stdio.h - the container's standard streams, or its terminal.
 *
 * Without a terminal each stream is a FIFO in the run directory.  The
 * container holds its output ends open for reading and writing, so that a
 * shim that dies breaks nothing: writers block when the FIFO is full, until
 * the next shim opens it by name.  They are mode 0666 inside a 0700 directory
 * so that any user of the container may reopen /dev/stdout.  The container's
 * stdin is read-only, since only so an end can be seen.
 *
 * What is read goes to the sink, which may refuse it: then the stream is left
 * alone until stdio_resume().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/loop.h"
#include "lib/fmt/logline.h"
#include "shim/ring.h"

#define STDIO_READ RING_RECORD_MAX

struct stdio;

struct stdio_sink {
	/* Is there room for STDIO_READ bytes? */
	bool (*has_room)(void *arg);
	void (*data)(void *arg, enum logline_stream stream, const char *data,
		     size_t len);
	/* After stdio_drain(): everything was handed over. */
	void (*drained)(void *arg);
	void (*stdin_room)(void *arg);		/* stdin can be written again */
	void *arg;
};

struct stdio_out {
	struct loop_source source;	/* first: the handler gets this */
	struct stdio *io;
	enum logline_stream stream;
	int fd;				/* -1: not open, or ended */
	size_t left;			/* to be read while draining */
	unsigned failures;		/* of reads, in a row */
};

struct stdio {
	struct loop *loop;
	struct stdio_sink sink;
	struct stdio_out out[2];
	struct loop_source in_source;
	int in_fd;			/* -1: closed */
	int slave_fd;			/* keeps a terminal from hanging up */
	bool tty;
	bool draining;
	bool drained;
};

void stdio_init(struct stdio *io, struct loop *loop, const struct stdio_sink *sink);

/* Makes the FIFOs; their container's ends go to child[0..2] and are the
 * caller's. with_stdin: else child[0] stays -1. */
int stdio_fifos(struct stdio *io, int run_fd, bool with_stdin, int child[3],
		struct err *e) MUST_CHECK;

/* Opens our ends of FIFOs that an earlier shim made; missing ones are left
 * out. */
void stdio_adopt(struct stdio *io, int run_fd, bool with_stdin);

/* A terminal instead; takes its master. */
int stdio_terminal(struct stdio *io, int master, uint16_t rows, uint16_t cols,
		   struct err *e) MUST_CHECK;

/* Begins to read; never fails in a way that matters to the container. */
int stdio_run(struct stdio *io, struct err *e) MUST_CHECK;

void stdio_resume(struct stdio *io);		/* the sink has room again */

/* Hands over what is there now, and no more: processes that outlive init may
 * keep the streams open. */
void stdio_drain(struct stdio *io);

/* Bytes taken, 0 when there is no room now, -EPIPE when stdin is closed. */
ssize_t stdio_write(struct stdio *io, const void *data, size_t len);
void stdio_want_room(struct stdio *io);		/* sink.stdin_room, once */
void stdio_eof(struct stdio *io);
void stdio_resize(struct stdio *io, uint16_t rows, uint16_t cols);
void stdio_clear(struct stdio *io);
