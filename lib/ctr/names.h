/* names.h - names for containers that got none: "calm_heron". */
#pragma once

#include "lib/base/cleanup.h"

/* tries: how many were taken already.  The caller frees it. */
char *ctr_random_name(unsigned tries) MUST_CHECK;
