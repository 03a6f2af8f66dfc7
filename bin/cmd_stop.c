#include "bin/cmd.h"
#include "bin/env.h"
#include "lib/base/num.h"
#include "lib/ctr/client.h"
#include "lib/ctr/spec.h"
#include "lib/ctr/start.h"
#include "lib/ctr/stop.h"

struct stop_args {
	const char *time;
	const char *signal;
};

static const struct opt stop_opts[] = {
	TEXT(struct stop_args, signal, 's', "signal", "SIGNAL", WORD_ANY,
	     "Send this first, not the container's own"),
	TEXT(struct stop_args, time, 't', "time", "SECONDS", WORD_ANY,
	     "Wait so long before SIGKILL"),
	TEXT(struct stop_args, time, 0, "timeout", "SECONDS", WORD_ANY, NULL),
	{ .kind = OPT_END },
};

struct stop_work {
	struct ctr_env env;
	int sig;
	uint64_t timeout_ms;
};

static int stop_init(struct stop_work *w, struct app *app, const struct stop_args *a, struct err *e)
{
	uint64_t seconds;
	int r;

	*w = (struct stop_work){ .timeout_ms = CLIENT_OWN_TIMEOUT };
	r = env_init(&w->env, app, e);
	if (r == 0 && a->signal)
		r = proc_signal(&w->sig, a->signal, e);
	if (r == 0 && a->time) {
		r = num_u64(a->time, 0, UINT32_MAX, &seconds, e);
		if (r < 0)
			return err_ctx(e, r, "--time");
		w->timeout_ms = seconds * 1000;
	}
	return r;
}

static int stop_one(struct app *app, const char *name, void *arg, struct err *e)
{
	struct stop_work *w = arg;
	AUTO(ctr) struct ctr c = CTR_INIT;
	int r = ctr_get(&c, &w->env, name, e);

	if (r == 0)
		r = ctr_stop(&w->env, &c, w->sig, w->timeout_ms, e);
	if (r == 0)
		app_printf(app, "%s\n", name);
	return r;
}

static int restart_one(struct app *app, const char *name, void *arg, struct err *e)
{
	const struct ctr_start_opts o = { .streams = 0 };
	struct stop_work *w = arg;
	AUTO(ctr) struct ctr c = CTR_INIT;
	AUTO(ctr_bundle) struct ctr_bundle b;
	AUTO(client) struct client client = CLIENT_INIT;
	int status;
	int r;

	ctr_bundle_init(&b);
	r = ctr_get(&c, &w->env, name, e);
	if (r == 0)
		r = ctr_bundle_load(&b, &w->env, &c.row, e);
	if (r == 0)
		r = ctr_stop(&w->env, &c, w->sig, w->timeout_ms, e);
	if (r == 0)
		r = ctr_start(&client, &w->env, &b, &o, &status, e);
	if (r == 0)
		app_printf(app, "%s\n", name);
	env_say(&w->env, app);
	return r < 0 ? err_ctx(e, r, "restart '%s'", name) : 0;
}

static int each(struct app *app, void *args, char **operands, int count, app_each_fn *fn,
		struct err *e)
{
	struct stop_work w;
	int r = stop_init(&w, app, args, e);

	if (r == 0)
		r = app_each(app, operands, count, fn, &w);
	env_clear(&w.env);
	return r;
}

static int stop_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	return each(app, args, operands, count, stop_one, e);
}

static int restart_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	return each(app, args, operands, count, restart_one, e);
}

static const char *const stop_aliases[] = { "container stop", NULL };
static const char *const restart_aliases[] = { "container restart", NULL };

const struct cmd cmd_stop = {
	.name = "stop",
	.aliases = stop_aliases,
	.summary = "Stop running containers in order",
	.operands = "CONTAINER...",
	.operand_word = WORD_RUNNING,
	.min = 1,
	.max = -1,
	.about = "Send the container's stop signal, and SIGKILL when it has not ended in time.",
	.example = "coracle stop -t 3 web",
	.opts = stop_opts,
	.args_size = sizeof(struct stop_args),
	.run = stop_run,
};

const struct cmd cmd_restart = {
	.name = "restart",
	.aliases = restart_aliases,
	.summary = "Stop containers and start them again",
	.operands = "CONTAINER...",
	.operand_word = WORD_CONTAINER,
	.min = 1,
	.max = -1,
	.example = "coracle restart web",
	.opts = stop_opts,
	.args_size = sizeof(struct stop_args),
	.run = restart_run,
};
