/* main.c - coracle: finds the command, or the program that has it. */

#include "bin/app.h"
#include "bin/run_cmd.h"

/* coracle-image has the commands that move bytes. */
static int hand_over(struct app *app, struct err *e)
{
	AUTO_FREE char *path = NULL;
	int r = app_program("coracle-image", &path, e);

	if (r < 0)
		return r;
	execv(path, app->saved_argv);
	return err_sys(e, "run '%s'", path);
}

static int dispatch(struct app *app, const struct cmd *c, char **argv, int argc, struct err *e)
{
	if (c->program == PROGRAM_IMAGE)
		return hand_over(app, e);
	return run_cmd(app, c, c->run, argv, argc, e);
}

int main(int argc, char **argv)
{
	return run_main(argc, argv, dispatch);
}
