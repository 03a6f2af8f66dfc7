/* response.h - the header of an HTTP response, as far as we use it.
 *
 * Fed line by line; informational (1xx) responses before the final one are
 * dropped.  Members that steer us are strict: two lengths that differ, or one
 * that is no number, are an error.
 *
 * Ownership: struct response owns its strings.
 * Errors: -EPROTO; -EFBIG more than MAX_HTTP_HEADERS bytes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/strv.h"

struct response {
	long status;
	bool is_complete;	/* the empty line was seen */
	size_t bytes;
	bool has_length;
	uint64_t length;
	bool has_range;		/* a well-formed "bytes FIRST-LAST/TOTAL" */
	uint64_t first;
	uint64_t last;
	uint64_t total;
	bool is_encoded;	/* Content-Encoding other than identity */
	char *type;		/* Content-Type without parameters */
	char *location;
	char *retry_after;
	char *digest;		/* Docker-Content-Digest */
	struct strv challenges;	/* WWW-Authenticate values */
};

#define RESPONSE_INIT { .status = 0 }

void response_clear(struct response *r);

/* One line as it came, with its line end. */
int response_line(struct response *r, const char *line, size_t len,
		  struct err *e) MUST_CHECK;

static inline void response_auto(struct response *r)
{
	response_clear(r);
}
