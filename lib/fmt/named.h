/* named.h - numbers that have names in JSON: policies, flags, actions.
 *
 * A table ends with a NULL name.  A number may have several names; the first
 * is the one that is printed.
 *
 * Returns and errors of the getters as in json.h; -EBADMSG also for a name
 * that the table does not have, which the message gives.
 */
#pragma once

#include <stdint.h>

#include "lib/base/err.h"

struct json_at;
struct json_w;

struct named {
	const char *name;
	uint64_t value;
};

const char *named_of(const struct named *table, uint64_t value);	/* or NULL */

/* A member that has to be there. */
int named_get(uint64_t *out, const struct json_at *object, const char *key,
	      const struct named *table, struct err *e) MUST_CHECK;

/* A list, maybe absent, of names whose numbers are or'ed. */
int named_get_flags(uint64_t *out, const struct json_at *object, const char *key,
		    const struct named *table, struct err *e) MUST_CHECK;

/* As such a list; no flag, no member. */
void named_print_flags(struct json_w *w, const char *key,
		       const struct named *table, uint64_t flags);
