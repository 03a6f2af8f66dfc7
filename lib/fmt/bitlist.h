/* bitlist.h - sets of small numbers as the kernel writes them: "0-3,7", of
 * processors and memory nodes.
 *
 * Bit n of the words is number n, as sched_setaffinity(2) and
 * set_mempolicy(2) want it on machines of 64 bits.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#define BITLIST_MAX 8192	/* as many processors as Linux takes */

struct bitlist {
	uint64_t words[BITLIST_MAX / 64];
	size_t len;		/* of words, up to the last that is not 0 */
};

/* Numbers and ranges between commas, with spaces around them; "" is the empty
 * set.  -EINVAL: something else; -ERANGE: BITLIST_MAX and more. */
int bitlist_parse(struct bitlist *out, const char *text, struct err *e) MUST_CHECK;
