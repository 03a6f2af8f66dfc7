/* main.c - coracle: finds the command, or the program that has it. */

#include <string.h>

#include "bin/app.h"
#include "bin/cmd_ctr.h"
#include "bin/run_cmd.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

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
	if (c == &cmd_ctr)
		return ctr_run(app, argv, argc, e);
	return run_cmd(app, c, c->run, argv, argc, e);
}

/* A link to this program may be called ctr. */
static bool is_ctr(const char *name)
{
	const char *slash = strrchr(name, '/');

	return str_eq(slash ? slash + 1 : name, "ctr");
}

int main(int argc, char **argv)
{
	AUTO_FREE char **line = NULL;

	if (argc < 1 || !is_ctr(argv[0]))
		return run_main(argc, argv, dispatch);
	line = mem_zero((size_t)argc + 2, sizeof(*line));
	line[0] = (char *)"coracle";
	line[1] = (char *)"ctr";
	memcpy(line + 2, argv + 1, ((size_t)argc - 1) * sizeof(*line));
	return run_main(argc + 1, line, dispatch);
}
