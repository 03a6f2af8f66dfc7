/* row_volume.h - volumes as rows of lists, with docker's field names.
 */
#pragma once

#include <jansson.h>

#include "bin/app.h"
#include "lib/fmt/table.h"
#include "lib/store/volumes.h"

extern const struct table volume_table;

/* The caller ends the reference. */
json_t *row_volume(const struct store *s, const struct volume *v) MUST_CHECK;
