/* row_ctr.h - containers as rows of lists, with docker's field names.
 */
#pragma once

#include <jansson.h>

#include "bin/env.h"
#include "lib/fmt/table.h"

extern const struct table ctr_table;

/* One row; show in full or shortened.  The caller ends the reference. */
int row_ctr(json_t **out, struct ctr_env *env, const struct ctr *c, bool no_trunc,
	    bool with_size, struct err *e) MUST_CHECK;

/* The word for its network: "slirp", "none", "host", "container". */
struct ctr_config;
const char *row_network(const struct ctr_config *config);
