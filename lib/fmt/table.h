/* table.h - lists of objects as ps, images and their kin print them.
 *
 * A row is a JSON object with docker's field names.  One description of the
 * columns serves all forms of --format:
 *
 *   "" or "table"        aligned columns under upper-case headers
 *   "table TEMPLATE"     the same for what the template picks, tabs between
 *   "json"               one object per line, keys sorted
 *   TEMPLATE             one line per row, the bytes as they are
 *
 * A table is for people: controls in values are masked, so that a value is
 * never another line or column.  The other forms are for programs and exact.
 * In templates the two characters \t and \n stand for tab and newline.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

struct column {
	const char *name;		/* field of the row: "ID" */
	const char *header;		/* "CONTAINER ID" */
	bool hidden;			/* only where a template names it */
};

struct table {
	const struct column *columns;
	size_t count;
	const char *quiet;		/* field that --quiet prints; NULL: the first */
};

struct table_opts {
	const char *format;		/* NULL is "" */
	bool quiet;			/* only the ids; a template wins over it */
	bool no_headers;
	const char *show;		/* a hidden column that is shown; NULL: none */
};

/* Appends the rows, a JSON array, to out.  -EINVAL: a bad template. */
int table_print(struct buf *out, const struct table *t,
		const struct table_opts *opts, json_t *rows,
		struct err *e) MUST_CHECK;

/* One object as inspect --format prints it, by a template or "json" in one
 * line, and a newline. */
int table_print_object(struct buf *out, const char *format, json_t *object,
		       struct err *e) MUST_CHECK;

/* Terminal columns that UTF-8 text takes: 0 for combining, 2 for wide. */
size_t table_width(const char *s);
