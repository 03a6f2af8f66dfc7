/* capname.h - capabilities by name (capabilities(7)); a set is a bit mask. */
#pragma once

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

#define CAP_COUNT 41		/* CAP_CHECKPOINT_RESTORE is the last */
#define CAP_BIT(n) (1ull << (n))
#define CAP_ALL (CAP_BIT(CAP_COUNT) - 1)

/* "CAP_NET_RAW", "net_raw", any case.  -EINVAL: no such capability. */
int capname_parse(unsigned *out, const char *name, struct err *e) MUST_CHECK;

const char *capname(unsigned cap);		/* "CAP_NET_RAW"; cap < CAP_COUNT */
