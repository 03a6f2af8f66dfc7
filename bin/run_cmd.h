/* run_cmd.h - the frame around a command: what main() of coracle and of
 * coracle-image have in common (run_main.c); and what all programs do (run_cmd.c).
 */
#pragma once

#include "bin/app.h"

/* Decides what runs a command; answers as cmd_fn does. */
typedef int dispatch_fn(struct app *app, const struct cmd *c, char **argv, int argc, struct err *e);

/* Global options, dispatch, output, errors; the exit status. */
int run_main(int argc, char **argv, dispatch_fn *dispatch);

/* Whatever our caller did with descriptors 0, 1, 2, they are open in us. */
void run_open_stdio(void);

/* Parses argv (the command's words taken off) and runs the command. */
int run_cmd(struct app *app, const struct cmd *c, cmd_fn *run, char **argv,
	    int argc, struct err *e) MUST_CHECK;
