/* template.h - the part of Go's text/template that --format is used with.
 *
 * Actions: {{pipeline}}, if / else if / else / end, range (with $v or $k, $v;
 * else), with (else), variables ($x := pipeline, $x = pipeline, $), comments,
 * trim markers.  Operands: . .A.B $x.A literals (string, raw string, rune,
 * number, true, false, nil) and parentheses, which may be followed by fields.
 * Functions: and or not eq ne lt le gt ge len index slice print printf
 * println; docker's json split join title lower upper pad truncate, and the
 * method .Label "key" of rows that have Labels.
 *
 * Values are JSON.  An object all of whose keys begin with an upper-case
 * letter is a struct: a field that it lacks is an error.  Other objects are
 * maps: a key that is not there is "<no value>".  range goes through a map by
 * sorted keys.
 *
 * A template comes from the command line, but the values may be anybody's:
 * nesting, output and the number of steps are bounded (MAX_TMPL_*).
 *
 * Ownership: the template belongs to the caller; values are borrowed.
 * Errors: -EINVAL, "template: line 1: ..."; -EFBIG or -E2BIG beyond a bound.
 */
#pragma once

#include <jansson.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

struct template;

int template_parse(struct template **out, const char *text,
		   struct err *e) MUST_CHECK;
void template_free(struct template *t);			/* NULL is fine */

/* Appends to out, whose own limit also holds. */
int template_run(const struct template *t, json_t *dot, struct buf *out,
		 struct err *e) MUST_CHECK;

/* For the headers of a table: dot holds the header of each field, and the
 * functions that transform text leave it as it is. */
int template_run_headers(const struct template *t, json_t *dot,
			 struct buf *out, struct err *e) MUST_CHECK;

static inline void template_auto(struct template **t)
{
	template_free(*t);
	*t = NULL;
}
