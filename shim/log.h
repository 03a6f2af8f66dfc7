/* log.h - a container's output as a json-file log, rotated by size.
 *
 * DATA/log is the current file, log.1 the one before, and so on.  Whole lines
 * become records; a batch is one write(2), so that only a crash or a full disk
 * can tear a record.  A torn one is closed by a newline before the next, so
 * that it spoils no other.
 *
 * Rotation renames from the oldest on: whenever it is interrupted, nothing
 * written is lost and the next rotation continues.
 *
 * Output is dropped, never waited for, when the disk does not take it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/limits.h"
#include "lib/fmt/logline.h"

#define LOG_BATCH KIB(128)	/* at least LOGLINE_PRINTED_MAX */
#define LOG_FILES_MAX 1000

struct log_line {
	size_t len;		/* of a line whose end has not come yet */
	char text[MAX_LOG_LINE];
};

struct log {
	int dir_fd;		/* not owned */
	int fd;			/* -1: no log */
	bool torn;		/* the file does not end in a newline */
	uint64_t size;
	uint64_t max_size;	/* 0: never rotated */
	uint32_t files;
	struct log_line line[2];
	size_t batch_len;
	char batch[LOG_BATCH];
};

int log_open(struct log *l, int dir_fd, uint64_t max_size, uint32_t files,
	     struct err *e) MUST_CHECK;
void log_add(struct log *l, enum logline_stream stream, const char *data,
	     size_t len, uint64_t now_ns);

/* The line that was begun, if any: nothing follows. */
void log_end(struct log *l, enum logline_stream stream, uint64_t now_ns);

/* Somebody moved the files: begins DATA/log anew. */
int log_reopen(struct log *l, struct err *e) MUST_CHECK;
void log_clear(struct log *l);
