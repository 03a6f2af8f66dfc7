/* inspect.h - objects in full, with docker's field names.
 *
 * The caller ends the references.
 */
#pragma once

#include <jansson.h>

#include "bin/env.h"
#include "lib/store/images.h"
#include "lib/store/volumes.h"

/* with_size: measures the container's own layer. */
int inspect_ctr(json_t **out, struct ctr_env *env, const struct ctr *c, bool with_size,
		struct err *e) MUST_CHECK;
int inspect_image(json_t **out, struct ctr_env *env, const struct image *image,
		  struct err *e) MUST_CHECK;
json_t *inspect_volume(const struct store *s, const struct volume *v) MUST_CHECK;
