/* filter.h - --filter KEY=VALUE of lists.
 *
 * Different keys must all match; values of one key are alternatives, except
 * that every label must match.  "label!" negates.  A key that the list does
 * not have is refused by name.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/strv.h"

/* Does this object match one filter? -EINVAL: a bad value. */
typedef int filter_fn(const void *object, void *arg, const char *value, struct err *e);

struct filter_key {
	const char *name;
	filter_fn *fn;
};

/* 1: shown, 0: not.  keys end with a NULL name. */
int filter_match(const struct strv *filters, const struct filter_key *keys,
		 const void *object, void *arg, struct err *e) MUST_CHECK;

/* Are they all KEY=VALUE with keys of this list?  Lists ask before they look at
 * their first object, so that an empty one refuses the same. */
int filter_check(const struct strv *filters, const struct filter_key *keys,
		 struct err *e) MUST_CHECK;

/* "key" or "key=value" among labels. */
bool filter_label(const struct strv *labels, const char *value);

/* "true", "1", "false", "0". */
int filter_bool(bool *out, const char *key, const char *value, struct err *e) MUST_CHECK;

/* Was it made before the time of --filter until=? 1, 0. */
int filter_until(uint64_t created_ns, const char *value, struct err *e) MUST_CHECK;
