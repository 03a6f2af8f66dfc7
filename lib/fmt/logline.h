/* logline.h - records of container logs in docker's json-file format.
 *
 * One record per line: {"log":"text\n","stream":"stdout","time":"2026-..."}.
 * The text ends in a newline when the container wrote one; a record without
 * is continued by the next of its stream (lines longer than MAX_LOG_LINE, and
 * what was written last).  Bytes that are not UTF-8 become U+FFFD: the format
 * cannot hold them.
 *
 * The printer writes into the caller's memory and the parser back into the
 * caller's, so that the shim needs no allocation.
 *
 * Errors of parsing: -EBADMSG for anything that is not such a record, which
 * is what a record torn by a crash looks like; readers skip it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/limits.h"

enum logline_stream { LOGLINE_STDOUT, LOGLINE_STDERR };

struct logline {
	uint64_t time_ns;		/* wall clock */
	enum logline_stream stream;
	const char *text;
	size_t len;
};

/* Every byte may become six, around them less than 128. */
#define LOGLINE_PRINTED_MAX (MAX_LOG_LINE * 6 + 128)

/* Writes the record of at most MAX_LOG_LINE bytes of text, ended by newline,
 * and returns its length.  out must have room for len * 6 + 128 bytes. */
size_t logline_print(char *out, const struct logline *l);

/* Parses one line, with or without its newline.  The text is decoded in place:
 * out->text points into line, whose contents are changed. */
int logline_parse(struct logline *out, char *line, size_t len,
		  struct err *e) MUST_CHECK;

/* How much of text (len > max) may go into one record without cutting a
 * character in two. */
size_t logline_cut(const char *text, size_t max);
