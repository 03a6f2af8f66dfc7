/* drop_image.h - takes names of images away, and images with their last name.
 */
#pragma once

#include "bin/app.h"
#include "lib/store/images.h"

struct drop_opts {
	bool by_name;			/* only the row's name, not all of the image */
	bool force;			/* even when used, or of several names */
	const char *text;		/* what the user said, for messages */
};

/* Rows go in the transaction that looked who uses them; said gets docker's
 * lines.  -EBUSY. */
int drop_image(struct buf *said, struct app *app, const struct image *image,
	       const struct drop_opts *o, struct err *e) MUST_CHECK;
