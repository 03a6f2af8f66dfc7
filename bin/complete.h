/* complete.h - what may follow on a command line, for the shells.
 *
 * words are those after "coracle", the last one being typed.  Candidates are
 * printed one a line, a tab and an explanation behind those that have one; or
 * the single word ":files" or ":dirs", for which the shell has its own ways.
 * Names come from the store, read-only, when there is one.  Nothing fails: not
 * to know means no candidates.
 */
#pragma once

#include "bin/app.h"

void complete(struct app *app, char **words, int count);
