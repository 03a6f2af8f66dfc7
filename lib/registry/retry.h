/* retry.h - which failures are worth asking again, and after how long.
 * Pure: time and randomness come from the caller.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/limits.h"

enum retry_class {
	RETRY_NEVER,
	RETRY_FEW,	/* twice: most likely a wrong name or nobody there */
	RETRY_OFTEN,	/* as often as the limits say */
};

#define RETRY_FEW_ATTEMPTS 3

/* A transfer that moved so much starts its count of failures anew; less could
 * be a server that keeps us busy for ever. */
#define RETRY_PROGRESS KIB(64)

enum retry_class retry_of_curl(int curl_code);
enum retry_class retry_of_status(long status);

/* The errno that stands for it; see client.h for the kinds. */
int retry_errno_of_curl(int curl_code);
int retry_errno_of_status(long status);

/* The pause after the n-th failure in a row (from 1): base doubled each time,
 * at most max, the second half of it random. */
uint64_t retry_pause_ms(unsigned failures, unsigned base_ms, unsigned max_ms,
			uint32_t random);

/* A Retry-After value: seconds or an HTTP date; more than max_s counts as
 * max_s, the past as 0. false: not such a value. */
bool retry_after_ms(const char *text, uint64_t now_s, unsigned max_s,
		    uint64_t *ms);
