#include "bin/cmd.h"
#include "bin/env.h"
#include "lib/base/str.h"
#include "lib/ctr/remove.h"

struct rm_args {
	bool force, volumes, all, ignore;
};

static const struct opt rm_opts[] = {
	FLAG(struct rm_args, all, 'a', "all", "Remove all containers"),
	FLAG(struct rm_args, force, 'f', "force",
	     "Kill it first when it runs; a missing one is fine"),
	FLAG(struct rm_args, ignore, 'i', "ignore", "A missing container is fine"),
	FLAG(struct rm_args, volumes, 'v', "volumes", "Remove its anonymous volumes too"),
	{ .kind = OPT_END },
};

struct rm_work {
	struct ctr_env env;
	const struct rm_args *args;
};

static int rm_one(struct app *app, const char *name, void *arg, struct err *e)
{
	struct rm_work *w = arg;
	const struct ctr_remove_opts o = { .force = w->args->force, .volumes = w->args->volumes };
	AUTO(ctr) struct ctr c = CTR_INIT;
	int r = ctr_get(&c, &w->env, name, e);

	if (r == 0)
		r = ctr_remove(&w->env, &c, &o, e);
	/* Of all, one may have gone since they were listed. */
	if (r == -ENOENT && (w->args->force || w->args->ignore || w->args->all)) {
		err_clear(e);
		return 0;
	}
	if (r == 0)
		app_printf(app, "%s\n", name);
	return r;
}

static int rm_all(struct app *app, struct rm_work *w, struct err *e)
{
	AUTO(containers) struct containers list = CONTAINERS_INIT;
	int status = EXIT_DONE;
	int r = container_list(&list, app->store, app->ns, e);

	for (size_t i = 0; r == 0 && i < list.len; i++) {
		char *id = list.v[i].id;

		if (app_each(app, &id, 1, rm_one, w) != EXIT_DONE)
			status = EXIT_FAILED;
	}
	return r < 0 ? r : status;
}

static int rm_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	struct rm_work w = { .args = args };
	int r;

	if (!count && !w.args->all)
		return err_set(e, EINVAL, "CONTAINER is missing");
	r = env_init(&w.env, app, e);
	if (r == 0)
		r = w.args->all ? rm_all(app, &w, e) : app_each(app, operands, count, rm_one, &w);
	env_clear(&w.env);
	return r;
}

/* Hidden: run by a shim whose temporary container has ended, and by calls
 * that left something in the trash. */
static int cleanup_run(struct app *app, void *args UNUSED, char **operands, int count UNUSED,
		       struct err *e)
{
	static const struct rm_args quiet = { .ignore = true, .volumes = true };
	struct rm_work w = { .args = &quiet };
	int r = env_init(&w.env, app, e);

	if (r == 0)
		r = app_each(app, operands, 1, rm_one, &w);
	buf_reset(&app->out);
	env_clear(&w.env);
	return r;
}

static int reap_run(struct app *app, void *args UNUSED, char **operands UNUSED, int count UNUSED,
		    struct err *e)
{
	const struct gc_options o = { .grace_s = GC_GRACE_S };
	AUTO(env) struct ctr_env env = { .ns = NULL };
	struct gc_result result;
	int r = env_init(&env, app, e);

	if (r == 0)
		r = ctr_remove_forsaken(&env, e);
	if (r == 0)
		r = gc_run(&result, app->store, &o, e);
	return r < 0 ? r : ctr_reap(&env, 0, e) < 0 ? -e->code : EXIT_DONE;
}

static const char *const rm_aliases[] = { "container rm", "container remove", NULL };

const struct cmd cmd_rm = {
	.name = "rm",
	.aliases = rm_aliases,
	.summary = "Remove containers",
	.operands = "CONTAINER...",
	.operand_word = WORD_CONTAINER,
	.max = -1,
	.example = "coracle rm web\ncoracle rm -f $(coracle ps -aq)",
	.opts = rm_opts,
	.args_size = sizeof(struct rm_args),
	.run = rm_run,
};

const struct cmd cmd_cleanup = {
	.name = "__cleanup",
	.summary = "Remove a temporary container that has ended",
	.operands = "CONTAINER",
	.min = 1,
	.max = 1,
	.hidden = true,
	.run = cleanup_run,
};

const struct cmd cmd_reap = {
	.name = "__reap",
	.summary = "Remove what nothing refers to, and empty the trash",
	.hidden = true,
	.run = reap_run,
};
