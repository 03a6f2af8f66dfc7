#include "bin/cmd.h"
#include "bin/env.h"
#include "bin/filter_volume.h"
#include "bin/row_volume.h"
#include "lib/base/id.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ctr/remove.h"

struct create_args {
	const char *driver;
	struct strv label;
};

static const struct opt create_opts[] = {
	CHOICE(struct create_args, driver, 'd', "driver", "local", "Who keeps it"),
	LIST(struct create_args, label, 0, "label", "KEY=VALUE", WORD_ANY, "Describe it"),
	REFUSE("opt", "mounting something else as a volume is not there yet"),
	{ .kind = OPT_END },
};

static void create_clear(void *args)
{
	strv_clear(&((struct create_args *)args)->label);
}

static int create_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	struct create_args *a = args;
	struct volume v = { .ns = (char *)app->ns, .labels = a->label, .is_anonymous = !count };
	struct err taken = ERR_INIT;
	char id[ID_LEN + 1];
	int r = count ? 0 : id_make(id, e);

	if (r < 0)
		return r;
	v.name = count ? operands[0] : id;
	if (!str_is_name(v.name))
		return err_set(e, EINVAL,
			       "'%s' is not a name: letters, digits, '_', '.', '-' are allowed",
			       v.name);
	r = app_store(app, e);
	if (r < 0)
		return r;
	r = volume_create(app->store, &v, &taken);
	/* As docker: one that is there is as good. */
	if (r < 0 && r != -EEXIST)
		return err_move(e, &taken);
	app_printf(app, "%s\n", v.name);
	return EXIT_DONE;
}

struct ls_args {
	bool quiet;
	const char *format;
	struct strv filter;
};

static const struct opt ls_opts[] = {
	LIST(struct ls_args, filter, 'f', "filter", "KEY=VALUE", WORD_ANY,
	     "Only those: name, driver, label, dangling, anonymous"),
	TEXT(struct ls_args, format, 0, "format", "FORMAT", WORD_ANY,
	     "json, table, or a Go template"),
	FLAG(struct ls_args, quiet, 'q', "quiet", "Only names"),
	{ .kind = OPT_END },
};

static void ls_clear(void *args)
{
	strv_clear(&((struct ls_args *)args)->filter);
}

static int ls_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		  struct err *e)
{
	const struct ls_args *a = args;
	const struct table_opts o = { .format = a->format, .quiet = a->quiet };
	AUTO(volumes) struct volumes list = VOLUMES_INIT;
	json_t *rows = json_array();
	int r = filter_check(&a->filter, volume_filters, e);

	if (r == 0)
		r = app_store(app, e);
	if (r == 0)
		r = volume_list(&list, app->store, app->ns, e);
	for (size_t i = 0; r >= 0 && i < list.len; i++) {
		r = filter_match(&a->filter, volume_filters, &list.v[i], NULL, e);
		if (r > 0)
			json_array_append_new(rows, row_volume(app->store, &list.v[i]));
	}
	if (r >= 0)
		r = table_print(&app->out, &volume_table, &o, rows, e);
	json_decref(rows);
	return r;
}

struct rm_args {
	bool force;
};

static const struct opt rm_opts[] = {
	FLAG(struct rm_args, force, 'f', "force", "A missing volume is fine"),
	{ .kind = OPT_END },
};

static int rm_one(struct app *app, const char *name, void *arg, struct err *e)
{
	const struct rm_args *a = arg;
	int r = volume_remove(app->store, app->ns, name, e);

	if (r == -ENOENT && a->force) {
		err_clear(e);
		r = 0;
	}
	if (r == -EBUSY)
		return err_hint(e, r, "volume.used");
	if (r == 0)
		app_printf(app, "%s\n", name);
	return r;
}

static int rm_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	int r = env_init(&env, app, e);

	if (r < 0)
		return r;
	r = app_each(app, operands, count, rm_one, args);
	ctr_reap_soon(&env);
	return r;
}

static const char *const ls_aliases[] = { "volume list", NULL };
static const char *const rm_aliases[] = { "volume remove", NULL };

const struct cmd cmd_volume_create = {
	.name = "volume create",
	.summary = "Make a volume",
	.operands = "[NAME]",
	.max = 1,
	.about = "Make a volume and print its name; without NAME an anonymous one. One that is "
		 "there already is left as it is.",
	.example = "coracle volume create --label use=cache cache\n"
		   "coracle run -v cache:/var/cache alpine",
	.opts = create_opts,
	.args_size = sizeof(struct create_args),
	.clear = create_clear,
	.run = create_run,
};

const struct cmd cmd_volume_ls = {
	.name = "volume ls",
	.aliases = ls_aliases,
	.summary = "List volumes",
	.max = 0,
	.example = "coracle volume ls -q --filter dangling=true",
	.opts = ls_opts,
	.args_size = sizeof(struct ls_args),
	.clear = ls_clear,
	.run = ls_run,
};

const struct cmd cmd_volume_rm = {
	.name = "volume rm",
	.aliases = rm_aliases,
	.summary = "Remove volumes and what is in them",
	.operands = "VOLUME...",
	.operand_word = WORD_VOLUME,
	.min = 1,
	.max = -1,
	.example = "coracle volume rm cache",
	.opts = rm_opts,
	.args_size = sizeof(struct rm_args),
	.run = rm_run,
};
