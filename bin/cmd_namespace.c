#include "bin/cmd.h"
#include "bin/app.h"
#include "bin/jtree.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/fmt/table.h"
#include "lib/store/store.h"

/* "KEY=VALUE" operands behind the first. */
static void words_to_labels(struct strv *out, char **operands, int count)
{
	for (int i = 1; i < count; i++)
		strv_add(out, operands[i]);
}

static int exists(struct store *s, const char *ns, struct err *e)
{
	AUTO(strv) struct strv all = STRV_INIT;
	int r = store_ns_list(&all, s, e);

	for (size_t i = 0; r == 0 && i < all.len; i++)
		if (str_eq(all.v[i], ns))
			return 0;
	return r < 0 ? r : err_set(e, ENOENT, "no namespace '%s'", ns);
}

static int create_run(struct app *app, void *args UNUSED, char **operands, int count,
		      struct err *e)
{
	AUTO(strv) struct strv labels = STRV_INIT;
	struct err missing = ERR_INIT;
	int r = app_store(app, e);

	if (r == 0 && exists(app->store, operands[0], &missing) == 0)
		return err_set(e, EEXIST, "namespace '%s' is there already", operands[0]);
	words_to_labels(&labels, operands, count);
	if (r == 0)
		r = store_ns_create(app->store, operands[0], e);
	if (r == 0)
		r = label_change(app->store, operands[0], LABEL_NAMESPACE, "", &labels, e);
	return r;
}

static int label_run(struct app *app, void *args UNUSED, char **operands, int count,
		     struct err *e)
{
	AUTO(strv) struct strv labels = STRV_INIT;
	int r = app_store(app, e);

	words_to_labels(&labels, operands, count);
	if (r == 0)
		r = exists(app->store, operands[0], e);
	if (r == 0)
		r = label_change(app->store, operands[0], LABEL_NAMESPACE, "", &labels, e);
	return r;
}

static const struct column columns[] = {
	{ .name = "Name", .header = "NAME" },
	{ .name = "Labels", .header = "LABELS" },
};

static const struct table namespaces = { columns, ARRAY_SIZE(columns), "Name" };

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

static int add_row(json_t *rows, struct app *app, const char *ns, struct err *e)
{
	AUTO(strv) struct strv labels = STRV_INIT;
	json_t *row;
	int r = label_list(&labels, app->store, ns, LABEL_NAMESPACE, "", e);

	if (r < 0)
		return r;
	row = json_object();
	jtree_text(row, "Name", ns);
	jtree_words(row, "Labels", &labels);
	json_array_append_new(rows, row);
	return 0;
}

static int ls_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		  struct err *e)
{
	const struct ls_args *a = args;
	const struct table_opts o = { .format = a->format, .quiet = a->quiet };
	AUTO(strv) struct strv all = STRV_INIT;
	json_t *rows = json_array();
	int r = app_store(app, e);

	if (r == 0)
		r = store_ns_list(&all, app->store, e);
	for (size_t i = 0; r == 0 && i < all.len; i++)
		r = add_row(rows, app, all.v[i], e);
	if (r == 0)
		r = table_print(&app->out, &namespaces, &o, rows, e);
	json_decref(rows);
	return r;
}

static int rm_one(struct app *app, const char *name, void *arg UNUSED, struct err *e)
{
	int r = store_ns_remove(app->store, name, e);

	if (r == -EBUSY)
		return err_hint(e, r, "namespace.used");
	if (r == 0)
		app_printf(app, "%s\n", name);
	return r;
}

static int rm_run(struct app *app, void *args UNUSED, char **operands, int count, struct err *e)
{
	int r = app_store(app, e);

	return r < 0 ? r : app_each(app, operands, count, rm_one, NULL);
}

static const char *const create_aliases[] = { "namespace c", NULL };
static const char *const ls_aliases[] = { "namespace list", NULL };
static const char *const rm_aliases[] = { "namespace remove", NULL };

const struct cmd cmd_namespace_create = {
	.name = "namespace create",
	.aliases = create_aliases,
	.summary = "Make a namespace",
	.operands = "NAME [KEY=VALUE...]",
	.min = 1,
	.max = -1,
	.about = "Names of images, containers and volumes are those of one namespace; content and "
		 "layers are shared by all. A namespace also begins with its first use; made "
		 "here, it may have labels. --namespace and CORACLE_NAMESPACE choose one.",
	.example = "coracle namespace create production tier=1\n"
		   "coracle -n production pull alpine",
	.run = create_run,
};

const struct cmd cmd_namespace_label = {
	.name = "namespace label",
	.summary = "Set and clear labels of a namespace",
	.operands = "NAME KEY=VALUE...",
	.operand_word = WORD_NAMESPACE,
	.min = 2,
	.max = -1,
	.about = "KEY= clears a label.",
	.example = "coracle namespace label production tier=2 owner=",
	.run = label_run,
};

const struct cmd cmd_namespace_ls = {
	.name = "namespace ls",
	.aliases = ls_aliases,
	.summary = "List namespaces",
	.max = 0,
	.example = "coracle namespace ls -q",
	.opts = ls_opts,
	.args_size = sizeof(struct ls_args),
	.run = ls_run,
};

const struct cmd cmd_namespace_rm = {
	.name = "namespace rm",
	.aliases = rm_aliases,
	.summary = "Remove namespaces that are empty",
	.operands = "NAME...",
	.operand_word = WORD_NAMESPACE,
	.min = 1,
	.max = -1,
	.example = "coracle namespace rm staging",
	.run = rm_run,
};
