/* image_made.h - what the commands that make an image share.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "bin/app.h"
#include "lib/image/make.h"

struct made_time {
	uint64_t ns;
	bool is_given;			/* it is not just now */
};

/* option: --source-date-epoch, or NULL: the variable of that name, or now. */
int made_time(struct made_time *out, const char *option, struct err *e) MUST_CHECK;

/* Prints the id, and says whose name was taken; name may be NULL. */
void made_report(struct app *app, const struct make_result *made, const char *name);
