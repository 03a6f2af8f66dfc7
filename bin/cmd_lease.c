#include <stdio.h>
#include <string.h>

#include "bin/app.h"
#include "bin/cmd.h"
#include "bin/env.h"
#include "bin/jtree.h"
#include "lib/base/clock.h"
#include "lib/base/id.h"
#include "lib/base/limits.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/ctr/remove.h"
#include "lib/fmt/table.h"
#include "lib/store/content.h"
#include "lib/store/gc.h"
#include "lib/store/lease.h"

struct create_args {
	const char *id, *expires;
};

static const struct opt create_opts[] = {
	TEXT(struct create_args, expires, 'x', "expires", "DURATION", WORD_ANY,
	     "How long it holds; 0: until it is removed (default 24h)"),
	TEXT(struct create_args, id, 0, "id", "ID", WORD_ANY, "Its name; else one is made"),
	{ .kind = OPT_END },
};

static void print_id(char out[static 24], int64_t id)
{
	(void)snprintf(out, 24, "%lld", (long long)id);
}

static int create_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	const struct create_args *a = args;
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	AUTO(strv) struct strv labels = STRV_INIT;
	char made[ID_LEN + 1], number[24];
	uint64_t seconds = 0;
	int64_t id = 0;
	int r = num_duration(str_or(a->expires, "24h"), &seconds, e);

	if (r == 0)
		r = id_make(made, e);
	if (r == 0)
		r = app_store(app, e);
	if (r < 0)
		return r;
	made[ID_SHORT_LEN] = '\0';
	for (int i = 0; i < count; i++)
		strv_add(&labels, operands[i]);
	r = store_begin(&tx, app->store, STORE_DURABLE, e);
	if (r == 0)
		r = lease_create(&id, app->store, app->ns, a->id ? a->id : made,
				 seconds ? clock_wall_ns() + seconds : LEASE_FOREVER, e);
	print_id(number, id);
	if (r == 0)
		r = label_change(app->store, app->ns, LABEL_LEASE, number, &labels, e);
	if (r == 0)
		r = store_commit(&tx, e);
	if (r == 0)
		app_printf(app, "%s\n", a->id ? a->id : made);
	return r;
}

/* --- what it holds --- */

static int pin_one(struct app *app, const char *text, void *arg, struct err *e)
{
	const struct lease l = { .store = app->store, .id = *(int64_t *)arg };
	struct digest d;
	int r = digest_parse(&d, text, strlen(text), e);

	if (r == 0)
		r = content_has(app->store, &d, e);
	if (r == 0)
		return err_set(e, ENOENT, "blob '%s' is not in the store", text);
	return r < 0 ? r : lease_pin_blob(&l, &d, e);
}

static int unpin_one(struct app *app, const char *text, void *arg, struct err *e)
{
	struct digest d;
	int r = digest_parse(&d, text, strlen(text), e);

	return r < 0 ? r : lease_unpin_blob(app->store, *(int64_t *)arg, &d, e);
}

static int change(struct app *app, char **operands, int count, app_each_fn *fn, struct err *e)
{
	int64_t id = 0;
	int r = app_store(app, e);

	if (r == 0)
		r = lease_find(&id, app->store, app->ns, operands[0], e);
	return r < 0 ? r : app_each(app, operands + 1, count - 1, fn, &id);
}

static int add_run(struct app *app, void *args UNUSED, char **operands, int count, struct err *e)
{
	return change(app, operands, count, pin_one, e);
}

static int drop_run(struct app *app, void *args UNUSED, char **operands, int count, struct err *e)
{
	return change(app, operands, count, unpin_one, e);
}

/* --- lists --- */

static const struct column columns[] = {
	{ .name = "ID", .header = "LEASE ID" },
	{ .name = "CreatedAt", .header = "CREATED AT" },
	{ .name = "ExpiresAt", .header = "EXPIRES AT" },
	{ .name = "Labels", .header = "LABELS" },
	{ .name = "Resources", .header = "RESOURCES", .hidden = true },
};

static const struct table table = { columns, ARRAY_SIZE(columns), "ID" };

struct ls_args {
	const char *format;
	bool quiet;
};

static const struct opt ls_opts[] = {
	TEXT(struct ls_args, format, 0, "format", "FORMAT", WORD_ANY,
	     "json, table, or a Go template"),
	FLAG(struct ls_args, quiet, 'q', "quiet", "Only ids"),
	{ .kind = OPT_END },
};

static int add_row(json_t *rows, struct app *app, const struct lease_info *l, struct err *e)
{
	AUTO(strv) struct strv labels = STRV_INIT;
	AUTO(strv) struct strv held = STRV_INIT;
	json_t *row;
	char id[24];
	int r;

	print_id(id, l->id);
	r = label_list(&labels, app->store, l->ns, LABEL_LEASE, id, e);
	if (r == 0)
		r = lease_resources(&held, &held, app->store, l->id, e);
	if (r < 0)
		return r;
	row = json_object();
	jtree_text(row, "ID", l->name);
	jtree_time(row, "CreatedAt", l->created_ns);
	if (l->expires_ns < LEASE_FOREVER)
		jtree_time(row, "ExpiresAt", l->expires_ns);
	else
		jtree_text(row, "ExpiresAt", "");
	jtree_words(row, "Labels", &labels);
	jtree_list(row, "Resources", &held);
	json_array_append_new(rows, row);
	return 0;
}

static int ls_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		  struct err *e)
{
	const struct ls_args *a = args;
	const struct table_opts o = { .format = a->format, .quiet = a->quiet };
	AUTO(leases) struct leases all = LEASES_INIT;
	json_t *rows = json_array();
	int r = app_store(app, e);

	if (r == 0)
		r = lease_list(&all, app->store, e);
	for (size_t i = 0; r == 0 && i < all.len; i++)
		if (str_eq(all.v[i].ns, app->ns) && all.v[i].is_alive)
			r = add_row(rows, app, &all.v[i], e);
	if (r == 0)
		r = table_print(&app->out, &table, &o, rows, e);
	json_decref(rows);
	return r;
}

/* --- their end --- */

struct rm_args {
	bool sync;
};

static const struct opt rm_opts[] = {
	FLAG(struct rm_args, sync, 0, "sync", "Collect what they held before this returns"),
	{ .kind = OPT_END },
};

static int rm_one(struct app *app, const char *name, void *arg UNUSED, struct err *e)
{
	int64_t id = 0;
	int r = lease_find(&id, app->store, app->ns, name, e);

	if (r == 0)
		r = lease_remove(app->store, id, e);
	if (r == 0)
		app_printf(app, "%s\n", name);
	return r;
}

static int rm_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	const struct gc_options all = { .grace_s = GC_GRACE_S };
	const struct rm_args *a = args;
	AUTO(env) struct ctr_env env = { .ns = NULL };
	struct gc_result res;
	int status, r = env_init(&env, app, e);

	if (r < 0)
		return r;
	status = app_each(app, operands, count, rm_one, NULL);
	if (!a->sync) {
		r = ctr_collect_soon(&env, e);
	} else {
		r = gc_run(&res, app->store, &all, e);
		ctr_reap_soon(&env);
	}
	return r < 0 ? r : status;
}

static const char *const ls_aliases[] = { "lease list", NULL };
static const char *const rm_aliases[] = { "lease delete", "lease remove", NULL };

const struct cmd cmd_lease_create = {
	.name = "lease create",
	.summary = "Make a lease, which keeps content from being collected",
	.operands = "[KEY=VALUE...]",
	.max = -1,
	.about = "Print the name of a new lease. With the label " LABEL_GC_FLAT " it keeps what is "
		 "added to it, and not what that refers to.",
	.example = "coracle lease create --id mirror -x 2h\n"
		   "coracle lease add mirror sha256:…",
	.opts = create_opts,
	.args_size = sizeof(struct create_args),
	.run = create_run,
};

const struct cmd cmd_lease_add = {
	.name = "lease add",
	.summary = "Have a lease keep blobs",
	.operands = "LEASE DIGEST...",
	.min = 2,
	.max = -1,
	.example = "coracle lease add mirror sha256:…",
	.run = add_run,
};

const struct cmd cmd_lease_drop = {
	.name = "lease drop",
	.summary = "Have a lease keep blobs no more",
	.operands = "LEASE DIGEST...",
	.min = 2,
	.max = -1,
	.example = "coracle lease drop mirror sha256:…",
	.run = drop_run,
};

const struct cmd cmd_lease_ls = {
	.name = "lease ls",
	.aliases = ls_aliases,
	.summary = "List leases",
	.max = 0,
	.example = "coracle lease ls --format json",
	.opts = ls_opts,
	.args_size = sizeof(struct ls_args),
	.run = ls_run,
};

const struct cmd cmd_lease_rm = {
	.name = "lease rm",
	.aliases = rm_aliases,
	.summary = "Remove leases",
	.operands = "LEASE...",
	.min = 1,
	.max = -1,
	.example = "coracle lease rm --sync mirror",
	.opts = rm_opts,
	.args_size = sizeof(struct rm_args),
	.run = rm_run,
};
