/* filter_volume.h - --filter of lists of volumes.  Objects are struct volume.
 */
#pragma once

#include "bin/filter.h"

extern const struct filter_key volume_filters[];
extern const struct filter_key volume_prune_filters[];	/* label, anonymous */
