#include "bin/cmd.h"
#include "bin/env.h"
#include "lib/ctr/stop.h"

static int wait_one(struct app *app, const char *name, void *arg, struct err *e)
{
	AUTO(ctr) struct ctr c = CTR_INIT;
	int code;
	int r = ctr_get(&c, arg, name, e);

	if (r == 0)
		r = ctr_wait(arg, &c, -1, &code, e);
	if (r == 0)
		app_printf(app, "%d\n", code);
	return r;
}

static int wait_run(struct app *app, void *args UNUSED, char **operands, int count, struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	int r = env_init(&env, app, e);

	return r < 0 ? r : app_each(app, operands, count, wait_one, &env);
}

static const char *const wait_aliases[] = { "container wait", NULL };

const struct cmd cmd_wait = {
	.name = "wait",
	.aliases = wait_aliases,
	.summary = "Wait for containers to end, and print their exit status",
	.operands = "CONTAINER...",
	.operand_word = WORD_RUNNING,
	.min = 1,
	.max = -1,
	.about = "Print the exit status of each container, in the order of the arguments; "
		 "-1 is one that nobody could see.",
	.example = "coracle wait job",
	.run = wait_run,
};
