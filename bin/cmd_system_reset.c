#include "bin/cmd.h"
#include "bin/env.h"
#include "bin/prune.h"
#include "lib/ctr/reset.h"

struct reset_args {
	bool force;
};

static const struct opt reset_opts[] = {
	FLAG(struct reset_args, force, 'f', "force", "Do not ask"),
	{ .kind = OPT_END },
};

static int reset_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		     struct err *e)
{
	const struct reset_args *a = args;
	AUTO(env) struct ctr_env env = { .ns = NULL };
	int r = prune_ask(app, a->force,
			  "all containers, those that run as well, all images and all volumes, of "
			  "all namespaces", e);

	if (r == 0)
		r = env_begin(&env, app, e);
	return r < 0 ? r : ctr_reset(&env, e);
}

const struct cmd cmd_system_reset = {
	.name = "system reset",
	.summary = "End and remove everything",
	.max = 0,
	.about = "Ends all containers and removes all that is in the data directory, whatever is "
		 "broken there: the database is not read. Settings and passwords stay.",
	.example = "coracle system reset --force",
	.opts = reset_opts,
	.args_size = sizeof(struct reset_args),
	.run = reset_run,
};
