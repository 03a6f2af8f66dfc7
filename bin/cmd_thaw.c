#include "bin/app.h"
#include "lib/ctr/pause.h"

static int thaw_run(struct app *app UNUSED, void *args UNUSED, char **operands, int count UNUSED,
		    struct err *e)
{
	return ctr_pause_help(STDIN_FILENO, operands[0], e);
}

const struct cmd cmd_thaw = {
	.name = "__thaw",
	.summary = "Thaw a cgroup when standard input ends",
	.operands = "CGROUP",
	.min = 1,
	.max = 1,
	.hidden = true,
	.run = thaw_run,
};
