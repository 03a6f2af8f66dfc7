/* filter_image.h - --filter of lists of images.
 *
 * Objects are struct image, arg is struct ctr_env.
 */
#pragma once

#include "bin/filter.h"

extern const struct filter_key image_filters[];
extern const struct filter_key image_prune_filters[];	/* until, label */
