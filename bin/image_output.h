/* image_output.h - where a command writes its archive: standard output, or a
 * file that gets its name when it is whole.
 */
#pragma once

#include "bin/app.h"

struct image_output {
	const char *path;		/* NULL: standard output */
	char *part;			/* its name until then */
	int fd;
};

#define IMAGE_OUTPUT_INIT { .fd = -1 }

/* path: -o FILE, or NULL, and then standard output must be no terminal. */
int image_output_open(struct image_output *out, const struct app *app, const char *path,
		      struct err *e) MUST_CHECK;

/* r is what writing it gave, and what is returned when that was an error. */
int image_output_end(struct image_output *o, int r, struct err *e) MUST_CHECK;
