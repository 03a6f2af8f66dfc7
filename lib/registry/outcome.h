/* outcome.h - what a finished transfer means for its request.  Internal to
 * lib/registry.
 */
#pragma once

#include "lib/registry/http.h"

enum outcome {
	OUTCOME_AGAIN,		/* the request was queued or paused */
	OUTCOME_DONE,		/* well when why is not set */
};

enum outcome outcome_of(struct request *r, CURLcode code, struct err *why);
