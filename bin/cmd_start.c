#include "bin/attach_ctr.h"
#include "bin/cmd.h"
#include "lib/ctr/start.h"

struct start_args {
	bool attach;
	bool interactive;
	const char *detach_keys;
};

static const struct opt start_opts[] = {
	FLAG(struct start_args, attach, 'a', "attach", "Show output and pass signals on"),
	TEXT(struct start_args, detach_keys, 0, "detach-keys", "KEYS", WORD_ANY,
	     "Keys that detach"),
	FLAG(struct start_args, interactive, 'i', "interactive", "Attach standard input too"),
	{ .kind = OPT_END },
};

static int start_one(struct client *client, struct ctr_env *env, const char *name,
		     const struct foreground *f, bool *tty, int *status, struct err *e)
{
	AUTO(ctr) struct ctr c = CTR_INIT;
	AUTO(ctr_bundle) struct ctr_bundle b;
	struct ctr_start_opts o = { .streams = 0 };
	int r;

	ctr_bundle_init(&b);
	r = ctr_get(&c, env, name, e);
	if (r < 0)
		return r;
	if (c.is_running)
		return f ? err_set(e, EBUSY,
				   "container '%s' is running already; 'coracle attach' joins it",
				   c.row.name)
			 : ctr_refuse_paused(&c, e);
	r = ctr_bundle_load(&b, env, &c.row, e);
	if (r < 0)
		return r;
	*tty = b.config.tty;
	if (f) {
		o.streams = foreground_streams(f);
		if (b.config.tty)
			foreground_size(&o.rows, &o.cols);
	}
	r = ctr_start(client, env, &b, &o, status, e);
	return r < 0 ? err_ctx(e, r, "start '%s'", c.row.name) : 0;
}

static int start_detached(struct app *app, const char *name, void *arg, struct err *e)
{
	AUTO(client) struct client client = CLIENT_INIT;
	bool tty;
	int status;
	int r = start_one(&client, arg, name, NULL, &tty, &status, e);

	if (r == 0)
		app_printf(app, "%s\n", name);
	env_say(arg, app);
	return r;
}

static int start_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	const struct start_args *a = args;
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(client) struct client client = CLIENT_INIT;
	struct foreground f = FOREGROUND_INIT;
	bool detached;
	int status;
	int r = env_init(&env, app, e);

	if (r < 0)
		return r;
	if (!a->attach && !a->interactive)
		return app_each(app, operands, count, start_detached, &env);
	if (count != 1)
		return err_set(e, EINVAL, "-a and -i take one container");
	f.has_stdin = a->interactive;
	f.detach_keys = a->detach_keys;
	r = start_one(&client, &env, operands[0], &f, &f.tty, &status, e);
	env_say(&env, app);
	if (r < 0) {
		app_error(app, e);
		err_clear(e);
		return status;
	}
	return foreground_run(app, &client, &f, &detached, e);
}

static const char *const start_aliases[] = { "container start", "task start", NULL };

const struct cmd cmd_start = {
	.name = "start",
	.aliases = start_aliases,
	.summary = "Start containers that do not run",
	.operands = "CONTAINER...",
	.operand_word = WORD_CONTAINER,
	.min = 1,
	.max = -1,
	.example = "coracle start web\ncoracle start -ai shell",
	.opts = start_opts,
	.args_size = sizeof(struct start_args),
	.run = start_run,
};
