#include "bin/cmd.h"
#include "bin/env.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"
#include "lib/ctr/spec.h"
#include "lib/ctr/stop.h"

struct kill_args {
	const char *signal;
};

static const struct opt kill_opts[] = {
	TEXT(struct kill_args, signal, 's', "signal", "SIGNAL", WORD_ANY, "Send this, not SIGKILL"),
	{ .kind = OPT_END },
};

struct kill_work {
	struct ctr_env env;
	int sig;
};

static int kill_one(struct app *app, const char *name, void *arg, struct err *e)
{
	struct kill_work *w = arg;
	AUTO(ctr) struct ctr c = CTR_INIT;
	int r = ctr_get(&c, &w->env, name, e);

	if (r == 0)
		r = ctr_signal_send(&w->env, &c, w->sig, e);
	if (r == 0)
		app_printf(app, "%s\n", name);
	return r;
}

static int kill_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	const struct kill_args *a = args;
	struct kill_work w = { .sig = 0 };
	int r = proc_signal(&w.sig, str_or(a->signal, "KILL"), e);

	if (r == 0)
		r = env_init(&w.env, app, e);
	if (r == 0)
		r = app_each(app, operands, count, kill_one, &w);
	env_clear(&w.env);
	return r;
}

static const char *const kill_aliases[] = { "container kill", "task kill", NULL };

const struct cmd cmd_kill = {
	.name = "kill",
	.aliases = kill_aliases,
	.summary = "Send a signal to containers",
	.operands = "CONTAINER...",
	.operand_word = WORD_RUNNING,
	.min = 1,
	.max = -1,
	.about = "Send a signal, SIGKILL unless another is named, to the first process of each "
		 "container.",
	.example = "coracle kill -s HUP web",
	.opts = kill_opts,
	.args_size = sizeof(struct kill_args),
	.run = kill_run,
};
