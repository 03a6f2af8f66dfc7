/* Tasks: what runs in a container, or has ended and not been forgotten. */
#include "bin/cmd.h"
#include "bin/env.h"
#include "bin/jtree.h"
#include "lib/base/str.h"
#include "lib/ctr/stop.h"
#include "lib/fmt/table.h"

static const struct column columns[] = {
	{ .name = "Task", .header = "TASK" },
	{ .name = "PID", .header = "PID" },
	{ .name = "Status", .header = "STATUS" },
	{ .name = "ID", .header = "CONTAINER ID", .hidden = true },
	{ .name = "ExitCode", .header = "EXIT CODE", .hidden = true },
};

static const struct table table = { columns, ARRAY_SIZE(columns), "Task" };

struct ls_args {
	const char *format;
	bool quiet;
};

static const struct opt ls_opts[] = {
	TEXT(struct ls_args, format, 0, "format", "FORMAT", WORD_ANY,
	     "json, table, or a Go template"),
	FLAG(struct ls_args, quiet, 'q', "quiet", "Only names"),
	{ .kind = OPT_END },
};

static const char *status_of(const struct ctr *c)
{
	if (!c->is_running)
		return c->row.state == CONTAINER_EXITED ? "STOPPED" : "CREATED";
	return str_eq(ctr_state_name(c), "paused") ? "PAUSED" : "RUNNING";
}

static void add_row(json_t *rows, const struct ctr *c)
{
	json_t *row;

	if (!c->is_running && c->row.state == CONTAINER_CREATED)
		return;
	row = json_object();
	jtree_text(row, "Task", c->row.name);
	jtree_number(row, "PID", c->is_running ? c->page.init.pid : 0);
	jtree_text(row, "Status", status_of(c));
	jtree_text(row, "ID", c->row.id);
	jtree_number(row, "ExitCode", c->row.exit_code);
	json_array_append_new(rows, row);
}

static int ls_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		  struct err *e)
{
	const struct ls_args *a = args;
	const struct table_opts o = { .format = a->format, .quiet = a->quiet };
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(containers) struct containers list = CONTAINERS_INIT;
	json_t *rows = json_array();
	int r = env_init(&env, app, e);

	if (r == 0)
		r = container_list(&list, app->store, app->ns, e);
	for (size_t i = 0; r == 0 && i < list.len; i++) {
		AUTO(ctr) struct ctr c = CTR_INIT;

		r = ctr_look(&c, &env, &list.v[i], e);
		if (r == 0)
			add_row(rows, &c);
		r = ctr_unless_gone(r, e);
	}
	if (r == 0)
		r = table_print(&app->out, &table, &o, rows, e);
	json_decref(rows);
	return r;
}

struct rm_args {
	bool force;
	struct ctr_env env;
};

static const struct opt rm_opts[] = {
	FLAG(struct rm_args, force, 'f', "force", "Kill one that runs"),
	{ .kind = OPT_END },
};

static int rm_one(struct app *app, const char *name, void *arg, struct err *e)
{
	struct rm_args *a = arg;
	AUTO(ctr) struct ctr c = CTR_INIT;
	int r = ctr_get(&c, &a->env, name, e);

	if (r == 0 && c.is_running && !a->force)
		return err_hint(e, err_set(e, EBUSY, "task '%s' is running", name),
				"container.running");
	if (r == 0 && c.is_running)
		r = ctr_kill_now(&a->env, &c, e);
	ctr_clear(&c);
	if (r == 0)
		r = ctr_get(&c, &a->env, name, e);
	if (r == 0)
		r = container_forget_task(app->store, app->ns, c.row.id, e);
	if (r == 0)
		app_printf(app, "%s\n", name);
	return r;
}

static int rm_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	struct rm_args *a = args;
	int r = env_init(&a->env, app, e);

	if (r == 0)
		r = app_each(app, operands, count, rm_one, a);
	env_clear(&a->env);
	return r;
}

static const char *const ls_aliases[] = { "task list", NULL };
static const char *const rm_aliases[] = { "task delete", "task remove", NULL };

const struct cmd cmd_task_ls = {
	.name = "task ls",
	.aliases = ls_aliases,
	.summary = "List what runs in containers, or has ended",
	.max = 0,
	.about = "A task is a container that runs, or has run since its last task was removed.",
	.example = "coracle task ls",
	.opts = ls_opts,
	.args_size = sizeof(struct ls_args),
	.run = ls_run,
};

const struct cmd cmd_task_rm = {
	.name = "task rm",
	.aliases = rm_aliases,
	.summary = "Forget how the last run of a container ended",
	.operands = "CONTAINER...",
	.operand_word = WORD_CONTAINER,
	.min = 1,
	.max = -1,
	.about = "The container is as if it had never run, and what it wrote is kept.",
	.example = "coracle task rm job",
	.opts = rm_opts,
	.args_size = sizeof(struct rm_args),
	.run = rm_run,
};
