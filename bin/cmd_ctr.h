/* cmd_ctr.h - the command whose words are another program's.
 */
#pragma once

#include "bin/app.h"

extern const struct cmd cmd_ctr;

/* argv: as it was given behind the command's name.  Does not return when the
 * line has a meaning: this program is run again with it. */
int ctr_run(struct app *app, char **argv, int argc, struct err *e) MUST_CHECK;
