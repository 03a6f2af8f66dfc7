#include "bin/attach_ctr.h"
#include "bin/cmd.h"
#include "bin/new_ctr.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ctr/remove.h"
#include "lib/ctr/start.h"
#include "lib/runtime/plan.h"

struct run_args {
	struct create_args create;
	bool detach;
	bool dry_run;
	const char *sig_proxy;
	const char *detach_keys;
};

static const struct opt run_opts[] = {
	FLAG(struct run_args, detach, 'd', "detach", "Run in the background and print the id"),
	TEXT(struct run_args, detach_keys, 0, "detach-keys", "KEYS", WORD_ANY,
	     "Keys that detach (ctrl-p,ctrl-q); '' for none"),
	FLAG(struct run_args, dry_run, 0, "dry-run",
	     "Print the OCI spec and the plan, run nothing"),
	CHOICE(struct run_args, sig_proxy, 0, "sig-proxy", "true false",
	       "Pass signals on to the container"),
	OPTS(struct run_args, create, create_opts),
	{ .kind = OPT_END },
};

static void run_clear(void *args)
{
	create_args_clear(&((struct run_args *)args)->create);
}

static bool has_volumes(const struct ctr_config *c)
{
	for (size_t i = 0; i < c->mount_count; i++)
		if (c->mounts[i].kind == MOUNT_VOLUME)
			return true;
	return false;
}

/* The container of a foreground run has ended, or never started.  What is to
 * be removed need not be read again. */
static int finish(struct ctr_env *env, const struct ctr_bundle *b, int status, struct err *e)
{
	const struct ctr_remove_opts o = { .volumes = has_volumes(&b->config) };
	AUTO(ctr) struct ctr c = CTR_INIT;
	int r;

	if (!b->config.auto_remove)
		return ctr_get(&c, env, b->id, e);
	/* For who follows the events. */
	r = container_set_finished(env->store, env->ns, b->id, b->marked_ns, clock_wall_ns(),
				   status, e);
	c.row.id = mem_str(b->id);
	return r < 0 ? r : ctr_remove(env, &c, &o, e);
}

static int print_plan(struct app *app, struct ctr_env *env, const struct ctr_bundle *b,
		      struct err *e)
{
	AUTO(buf) struct buf plan = BUF_INIT(MAX_PLAN);
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC);
	int r = ctr_plan(&plan, env, b, e);

	if (r < 0)
		return r;
	spec_print(&b->spec, &text);
	buf_addc(&text, '\n');
	plan_print(plan.data, plan.len, &text);
	app_printf(app, "%s", text.data);
	return 0;
}

static int run_foreground(struct app *app, struct ctr_env *env, struct ctr_bundle *b,
			  struct ctr_prepared *start, const struct run_args *a, struct err *e)
{
	AUTO(client) struct client client = CLIENT_INIT;
	struct foreground f = FOREGROUND_INIT;
	struct ctr_start_opts o = { .prepared = start };
	struct err late = ERR_INIT;
	bool detached = false;
	int status, r;

	f.tty = a->create.tty;
	f.has_stdin = a->create.interactive;
	f.no_sig_proxy = str_eq(a->sig_proxy, "false");
	f.detach_keys = a->detach_keys;
	o.streams = foreground_streams(&f) | SHIM_ATTACH_OWNER;
	if (f.tty)
		foreground_size(&o.rows, &o.cols);
	r = ctr_start(&client, env, b, &o, &status, e);
	env_say(env, app);
	if (r < 0) {
		app_error(app, e);
		err_clear(e);
	} else {
		r = foreground_run(app, &client, &f, &detached, e);
		if (r < 0 || detached)
			return r;
		status = r;
		if (a->create.rm)
			(void)!client_release(&client, &late);
		err_clear(&late);
	}
	if (finish(env, b, status, &late) < 0)
		app_error(app, &late);
	return status;
}

static int run_detached(struct app *app, struct ctr_env *env, struct ctr_bundle *b,
			struct ctr_prepared *start, struct err *e)
{
	AUTO(client) struct client client = CLIENT_INIT;
	const struct ctr_start_opts o = { .prepared = start };
	struct err late = ERR_INIT;
	int status;
	int r = ctr_start(&client, env, b, &o, &status, e);

	env_say(env, app);
	if (r == 0) {
		app_printf(app, "%s\n", b->id);
		return EXIT_DONE;
	}
	app_error(app, e);
	err_clear(e);
	if (finish(env, b, status, &late) < 0)
		app_error(app, &late);
	return status;
}

static int run_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	const struct ctr_remove_opts remove = { .volumes = true };
	const struct run_args *a = args;
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(ctr_prepared) struct ctr_prepared start = CTR_PREPARED_INIT;
	AUTO(ctr_bundle) struct ctr_bundle b;
	int r;

	ctr_bundle_init(&b);
	if (a->create.tty && a->create.interactive && !a->detach && !isatty(STDIN_FILENO))
		return err_set(e, ENOTTY, "-t: standard input is not a terminal");
	r = new_ctr(&b, a->dry_run ? NULL : &start, app, &env, &a->create, operands, count, e);
	if (r < 0)
		return r;
	if (a->dry_run) {
		AUTO(ctr) struct ctr c = CTR_INIT;

		r = print_plan(app, &env, &b, e);
		if (r == 0)
			r = ctr_get(&c, &env, b.id, e);
		return r < 0 ? r : ctr_remove(&env, &c, &remove, e);
	}
	return a->detach ? run_detached(app, &env, &b, &start, e) :
			   run_foreground(app, &env, &b, &start, a, e);
}

static const char *const run_aliases[] = { "container run", NULL };

const struct cmd cmd_run = {
	.name = "run",
	.aliases = run_aliases,
	.summary = "Run a command in a new container",
	.operands = "IMAGE [COMMAND [ARG...]]",
	.operand_word = WORD_IMAGE,
	.min = 1,
	.max = -1,
	.stop_at_operand = true,
	.about = "Make a container from IMAGE, which is pulled when it is missing, and "
		 "run COMMAND or the image's own command in it. The exit status is the "
		 "command's; 125 is an error of Coracle, 126 a command that cannot be "
		 "executed, 127 one that is not there.",
	.example = "coracle run -it --rm debian bash\n"
		   "coracle run -d --name web -p 8080:80 nginx\n"
		   "coracle run --rm -v \"$PWD\":/src -w /src gcc make",
	.opts = run_opts,
	.args_size = sizeof(struct run_args),
	.clear = run_clear,
	.fail_status = EXIT_TOOL,
	.run = run_run,
};
