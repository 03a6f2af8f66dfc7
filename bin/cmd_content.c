#include <string.h>

#include "bin/app.h"
#include "bin/cmd.h"
#include "bin/env.h"
#include "bin/jtree.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/ctr/remove.h"
#include "lib/fmt/table.h"
#include "lib/store/content.h"

static int parse(struct digest *out, struct app *app, const char *text, struct err *e)
{
	int r = digest_parse(out, text, strlen(text), e);

	if (r == 0)
		r = content_has(app->store, out, e);
	return r == 0 ? err_set(e, ENOENT, "blob '%s' is not in the store", text) : r;
}

/* --- lists --- */

static const struct column columns[] = {
	{ .name = "Digest", .header = "DIGEST" },
	{ .name = "Size", .header = "SIZE" },
	{ .name = "CreatedAt", .header = "CREATED AT" },
	{ .name = "Labels", .header = "LABELS" },
};

static const struct table blob_table = { columns, ARRAY_SIZE(columns), "Digest" };

struct ls_args {
	const char *format;
	bool quiet;
};

static const struct opt ls_opts[] = {
	TEXT(struct ls_args, format, 0, "format", "FORMAT", WORD_ANY,
	     "json, table, or a Go template"),
	FLAG(struct ls_args, quiet, 'q', "quiet", "Only digests"),
	{ .kind = OPT_END },
};

static int add_blob(json_t *rows, struct app *app, const struct blob *b, struct err *e)
{
	AUTO(strv) struct strv labels = STRV_INIT;
	char digest[DIGEST_TEXT_MAX];
	json_t *row;
	int r;

	digest_print(&b->digest, digest);
	r = label_list(&labels, app->store, app->ns, LABEL_CONTENT, digest, e);
	if (r < 0)
		return r;
	row = json_object();
	jtree_text(row, "Digest", digest);
	jtree_number(row, "Size", (int64_t)b->size);
	jtree_time(row, "CreatedAt", b->created_ns);
	jtree_words(row, "Labels", &labels);
	json_array_append_new(rows, row);
	return 0;
}

static int ls_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		  struct err *e)
{
	const struct ls_args *a = args;
	const struct table_opts o = { .format = a->format, .quiet = a->quiet };
	AUTO(blobs) struct blobs all = BLOBS_INIT;
	json_t *rows = json_array();
	int r = app_store(app, e);

	if (r == 0)
		r = content_list(&all, app->store, e);
	for (size_t i = 0; r == 0 && i < all.len; i++)
		r = add_blob(rows, app, &all.v[i], e);
	if (r == 0)
		r = table_print(&app->out, &blob_table, &o, rows, e);
	json_decref(rows);
	return r;
}

static const struct column active_columns[] = {
	{ .name = "Ref", .header = "REF" },
	{ .name = "Size", .header = "SIZE" },
	{ .name = "Total", .header = "TOTAL" },
	{ .name = "StartedAt", .header = "STARTED AT" },
	{ .name = "Owner", .header = "OWNER" },
};

static const struct table active_table = { active_columns, ARRAY_SIZE(active_columns), "Ref" };

static int active_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		      struct err *e)
{
	const struct ls_args *a = args;
	const struct table_opts o = { .format = a->format, .quiet = a->quiet };
	AUTO(ingests) struct ingests all = INGESTS_INIT;
	json_t *rows = json_array();
	int r = app_store(app, e);

	if (r == 0)
		r = content_ingests(&all, app->store, e);
	for (size_t i = 0; r == 0 && i < all.len; i++) {
		const struct ingest_info *in = &all.v[i];
		json_t *row = json_object();

		jtree_text(row, "Ref", in->ref);
		jtree_number(row, "Size", (int64_t)in->have);
		jtree_number(row, "Total", in->size == UINT64_MAX ? 0 : (int64_t)in->size);
		jtree_time(row, "StartedAt", in->created_ns);
		jtree_number(row, "Owner", in->owner);
		json_array_append_new(rows, row);
	}
	if (r == 0)
		r = table_print(&app->out, &active_table, &o, rows, e);
	json_decref(rows);
	return r;
}

/* --- bytes --- */

static int get_run(struct app *app, void *args UNUSED, char **operands, int count UNUSED,
		   struct err *e)
{
	struct digest d;
	uint64_t size;
	int r = app_store(app, e);
	AUTO_FD int fd = -1;

	if (r == 0)
		r = parse(&d, app, operands[0], e);
	if (r < 0)
		return r;
	fd = content_get(app->store, &d, &size, e);
	return fd < 0 ? fd : fs_copy_data(STDOUT_FILENO, fd, size, e);
}

/* --- labels and the end --- */

static int label_run(struct app *app, void *args UNUSED, char **operands, int count,
		     struct err *e)
{
	AUTO(strv) struct strv labels = STRV_INIT;
	struct digest d;
	int r = app_store(app, e);

	if (r == 0)
		r = parse(&d, app, operands[0], e);
	for (int i = 1; i < count; i++)
		strv_add(&labels, operands[i]);
	if (r < 0)
		return r;
	return label_change(app->store, app->ns, LABEL_CONTENT, operands[0], &labels, e);
}

static int rm_one(struct app *app, const char *text, void *arg UNUSED, struct err *e)
{
	struct digest d;
	int r = parse(&d, app, text, e);

	if (r >= 0)
		r = content_delete(app->store, &d, e);
	if (r == 0)
		app_printf(app, "%s\n", text);
	return r;
}

static int rm_run(struct app *app, void *args UNUSED, char **operands, int count, struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	int status, r = env_init(&env, app, e);

	if (r < 0)
		return r;
	status = app_each(app, operands, count, rm_one, NULL);
	ctr_reap_soon(&env);
	return status;
}

struct prune_args {
	bool dry;
};

static const struct opt prune_opts[] = {
	FLAG(struct prune_args, dry, 0, "dry", "Only print which blobs would go"),
	{ .kind = OPT_END },
};

static void say(struct app *app, const struct digest *d)
{
	char text[DIGEST_TEXT_MAX];

	digest_print(d, text);
	app_printf(app, "%s\n", text);
}

/* Those that are not there any more, of all that were. */
static int say_gone(struct app *app, const struct blobs *before, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < before->len; i++) {
		r = content_has(app->store, &before->v[i].digest, e);
		if (r == 0)
			say(app, &before->v[i].digest);
	}
	return r < 0 ? r : 0;
}

static int prune_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		     struct err *e)
{
	const struct prune_args *a = args;
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(blobs) struct blobs blobs = BLOBS_INIT;
	struct gc_result gone;
	int r = env_init(&env, app, e);

	if (r == 0)
		r = a->dry ? gc_preview(&blobs, app->store, e) :
			     content_list(&blobs, app->store, e);
	if (r < 0)
		return r;
	if (!a->dry) {
		r = ctr_collect(&gone, &env, e);
		return r < 0 ? r : say_gone(app, &blobs, e);
	}
	for (size_t i = 0; i < blobs.len; i++)
		say(app, &blobs.v[i].digest);
	return 0;
}

static const char *const ls_aliases[] = { "content list", NULL };
static const char *const rm_aliases[] = { "content delete", "content remove", NULL };

const struct cmd cmd_content_ls = {
	.name = "content ls",
	.aliases = ls_aliases,
	.summary = "List the blobs of all namespaces",
	.max = 0,
	.example = "coracle content ls --format '{{.Size}} {{.Digest}}'",
	.opts = ls_opts,
	.args_size = sizeof(struct ls_args),
	.run = ls_run,
};

const struct cmd cmd_content_get = {
	.name = "content get",
	.summary = "Write a blob to standard output",
	.operands = "DIGEST",
	.min = 1,
	.max = 1,
	.example = "coracle content get sha256:… | jq .layers",
	.run = get_run,
};

const struct cmd cmd_content_active = {
	.name = "content active",
	.summary = "List downloads that are going on, or were cut off",
	.max = 0,
	.about = "OWNER is the process that writes it; 0: none, the next pull goes on with it.",
	.example = "coracle content active",
	.opts = ls_opts,
	.args_size = sizeof(struct ls_args),
	.run = active_run,
};

const struct cmd cmd_content_label = {
	.name = "content label",
	.summary = "Set and clear labels of a blob",
	.operands = "DIGEST KEY=VALUE...",
	.min = 2,
	.max = -1,
	.about = "KEY= clears a label. A blob with the label " LABEL_GC_ROOT " is not collected.",
	.example = "coracle content label sha256:… " LABEL_GC_ROOT "=mine",
	.run = label_run,
};

const struct cmd cmd_content_rm = {
	.name = "content rm",
	.aliases = rm_aliases,
	.summary = "Remove blobs, whatever refers to them",
	.operands = "DIGEST...",
	.min = 1,
	.max = -1,
	.about = "An image that loses a blob this way gets it back by 'coracle pull'.",
	.example = "coracle content rm sha256:…",
	.run = rm_run,
};

const struct cmd cmd_content_prune = {
	.name = "content prune",
	.summary = "Remove the blobs that nothing refers to",
	.max = 0,
	.about = "Collect now what else goes bit by bit: blobs and layers that no image, "
		 "container, lease or label holds. The digests of the blobs that went are printed.",
	.example = "coracle content prune --dry",
	.opts = prune_opts,
	.args_size = sizeof(struct prune_args),
	.run = prune_run,
};
