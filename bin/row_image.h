/* row_image.h - images as rows of lists, with docker's field names.
 */
#pragma once

#include <jansson.h>

#include "bin/env.h"
#include "lib/fmt/table.h"
#include "lib/store/images.h"

extern const struct table image_table;

/* One row; show in full or shortened.  The caller ends the reference. */
int row_image(json_t **out, struct app *app, const struct image *image, bool no_trunc,
	      struct err *e) MUST_CHECK;

/* The name as people write it, "<none>" without one.  Appends. */
void image_familiar(const struct image *image, struct buf *out);

/* What it takes on disk, as far as known. */
uint64_t image_bytes(const struct image *image);

/* The id as docker shows it: 12 digits, or "sha256:" and all of them. */
void image_id(const struct digest *config, bool no_trunc, char out[static DIGEST_TEXT_MAX]);

/* The canonical name that text stands for: "alpine" is
 * "docker.io/library/alpine:latest".  Appends.  -EINVAL, with a digest too. */
int image_canonical(struct buf *out, const char *text, struct err *e) MUST_CHECK;
