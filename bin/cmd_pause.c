#include "bin/cmd.h"
#include "bin/env.h"
#include "lib/ctr/pause.h"

struct work {
	struct ctr_env env;
	bool on;
};

static int freeze_one(struct app *app, const char *name, void *arg, struct err *e)
{
	struct work *w = arg;
	AUTO(ctr) struct ctr c = CTR_INIT;
	int r = ctr_get(&c, &w->env, name, e);

	if (r == 0)
		r = ctr_freeze(&w->env, &c, w->on, e);
	if (r == 0)
		app_printf(app, "%s\n", name);
	return r;
}

static int freeze(struct app *app, bool on, char **operands, int count, struct err *e)
{
	struct work w = { .on = on };
	int r = env_init(&w.env, app, e);

	if (r == 0)
		r = app_each(app, operands, count, freeze_one, &w);
	env_clear(&w.env);
	return r;
}

static int pause_run(struct app *app, void *args UNUSED, char **operands, int count, struct err *e)
{
	return freeze(app, true, operands, count, e);
}

static int unpause_run(struct app *app, void *args UNUSED, char **operands, int count,
		       struct err *e)
{
	return freeze(app, false, operands, count, e);
}

static const char *const pause_aliases[] = { "container pause", "task pause", NULL };
static const char *const unpause_aliases[] = { "container unpause", "task resume", NULL };

const struct cmd cmd_pause = {
	.name = "pause",
	.aliases = pause_aliases,
	.summary = "Make running containers stand still",
	.operands = "CONTAINER...",
	.operand_word = WORD_RUNNING,
	.min = 1,
	.max = -1,
	.about = "Freeze all processes of each container by its cgroup, which it must have. They "
		 "keep their memory and go on with 'coracle unpause', or when the container is "
		 "stopped or sent a signal.",
	.example = "coracle pause web && cp -a data backup; coracle unpause web",
	.run = pause_run,
};

const struct cmd cmd_unpause = {
	.name = "unpause",
	.aliases = unpause_aliases,
	.summary = "Let paused containers go on",
	.operands = "CONTAINER...",
	.operand_word = WORD_RUNNING,
	.min = 1,
	.max = -1,
	.example = "coracle unpause web",
	.run = unpause_run,
};
