#include <stdio.h>
#include <string.h>

#include "bin/cmd.h"
#include "bin/env.h"
#include "bin/filter.h"
#include "bin/row_ctr.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/ctr/config.h"
#include "lib/ctr/create.h"
#include "lib/store/volumes.h"

struct ps_args {
	bool all, quiet, latest, no_trunc, size;
	const char *last, *format;
	struct strv filter;
};

static const struct opt ps_opts[] = {
	FLAG(struct ps_args, all, 'a', "all", "Those that do not run too"),
	LIST(struct ps_args, filter, 'f', "filter", "KEY=VALUE", WORD_ANY,
	     "Only those: id, name, label, status, exited, ancestor, before, since, volume, "
	     "network"),
	TEXT(struct ps_args, format, 0, "format", "FORMAT", WORD_ANY,
	     "json, table, or a Go template"),
	TEXT(struct ps_args, last, 'n', "last", "N", WORD_ANY,
	     "The last N made, whatever their state"),
	FLAG(struct ps_args, latest, 'l', "latest", "The one made last"),
	FLAG(struct ps_args, no_trunc, 0, "no-trunc", "Do not shorten"),
	FLAG(struct ps_args, quiet, 'q', "quiet", "Only ids"),
	FLAG(struct ps_args, size, 's', "size", "Show the size of the container's own layer"),
	{ .kind = OPT_END },
};

static void ps_clear(void *args)
{
	strv_clear(&((struct ps_args *)args)->filter);
}

static int by_id(const void *o, void *arg UNUSED, const char *value, struct err *e UNUSED)
{
	return str_starts(((const struct ctr *)o)->row.id, value);
}

static int by_name(const void *o, void *arg UNUSED, const char *value, struct err *e UNUSED)
{
	return strstr(((const struct ctr *)o)->row.name, value) != NULL;
}

static int by_label(const void *o, void *arg UNUSED, const char *value, struct err *e UNUSED)
{
	return filter_label(&((const struct ctr *)o)->row.labels, value);
}

static int by_status(const void *o, void *arg UNUSED, const char *value, struct err *e)
{
	static const char *const known[] = {
		"created", "running", "paused", "exited", "restarting", "dead",
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (str_eq(known[i], value))
			return str_eq(ctr_state_name(o), value);
	return err_set(e, EINVAL,
		       "--filter status: '%s' is not one of created, running, paused, exited",
		       value);
}

static int by_exited(const void *o, void *arg UNUSED, const char *value, struct err *e)
{
	const struct ctr *c = o;
	int64_t code;
	int r = num_i64(value, -1, 255, &code, e);

	return r < 0 ? err_ctx(e, r, "--filter exited") :
		       !c->is_running && c->row.state == CONTAINER_EXITED &&
		       c->row.exit_code == code;
}

static int by_ancestor(const void *o, void *arg, const char *value, struct err *e)
{
	const struct ctr *c = o;
	AUTO(image) struct image image = IMAGE_INIT;
	int r = ctr_find_image(&image, arg, value, e);

	if (r == -ENOENT) {
		err_clear(e);
		return str_eq(c->row.image, value);
	}
	return r < 0 ? r : digest_eq(&image.config, &c->row.config_digest);
}

/* 1 when the other was made later (before) or earlier (since). */
static int compare_age(const struct ctr *c, struct ctr_env *env, const char *other, int sign,
		       struct err *e)
{
	AUTO(container) struct container row = CONTAINER_INIT;
	int r = container_get(&row, env->store, env->ns, other, e);

	if (r < 0)
		return r;
	return sign > 0 ? c->row.created_ns > row.created_ns : c->row.created_ns < row.created_ns;
}

static int by_before(const void *o, void *arg, const char *value, struct err *e)
{
	return compare_age(o, arg, value, -1, e);
}

static int by_since(const void *o, void *arg, const char *value, struct err *e)
{
	return compare_age(o, arg, value, 1, e);
}

static int by_volume(const void *o, void *arg UNUSED, const char *value, struct err *e)
{
	const struct ctr *c = o;
	AUTO(ctr_config) struct ctr_config config;
	int r;

	ctr_config_init(&config);
	r = ctr_config_parse(&config, c->row.config, strlen(c->row.config), e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < config.mount_count; i++)
		if (str_eq(config.mounts[i].source, value) ||
		    str_eq(config.mounts[i].target, value))
			return 1;
	return 0;
}

static int by_network(const void *o, void *arg, const char *value, struct err *e)
{
	json_t *row;
	int r = row_ctr(&row, arg, o, true, false, e);

	if (r < 0)
		return r;
	r = str_eq(json_string_value(json_object_get(row, "Networks")), value);
	json_decref(row);
	return r;
}

static const struct filter_key keys[] = {
	{ "id", by_id }, { "name", by_name }, { "label", by_label }, { "status", by_status },
	{ "exited", by_exited }, { "ancestor", by_ancestor }, { "before", by_before },
	{ "since", by_since }, { "volume", by_volume }, { "network", by_network }, { NULL, NULL },
};

/* Filters that look at the state show every state, as docker does. */
static bool shows_all(const struct ps_args *a)
{
	for (size_t i = 0; i < a->filter.len; i++)
		if (str_starts(a->filter.v[i], "status=") || str_starts(a->filter.v[i], "exited="))
			return true;
	return a->all || a->last || a->latest;
}

static int add_row(json_t *rows, struct ctr_env *env, const struct ps_args *a,
		   struct container *row, struct err *e)
{
	AUTO(ctr) struct ctr c = CTR_INIT;
	json_t *line;
	int r = ctr_look(&c, env, row, e);

	if (r < 0 || (!c.is_running && !shows_all(a)))
		return r;
	r = filter_match(&a->filter, keys, &c, env, e);
	if (r <= 0)
		return r;
	r = row_ctr(&line, env, &c, a->no_trunc, a->size, e);
	if (r == 0)
		json_array_append_new(rows, line);
	return r;
}

static int ps_rows(json_t *rows, struct app *app, const struct ps_args *a, struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(containers) struct containers list = CONTAINERS_INIT;
	uint64_t last = a->latest ? 1 : UINT64_MAX;
	int r = env_init(&env, app, e);

	if (r == 0)
		r = filter_check(&a->filter, keys, e);
	if (r == 0 && a->last)
		r = num_u64(a->last, 0, UINT32_MAX, &last, e);
	if (r == 0)
		r = shows_all(a) ? container_list(&list, app->store, app->ns, e) :
				   container_list_live(&list, app->store, app->ns, e);
	for (size_t i = 0; r == 0 && i < list.len && json_array_size(rows) < last; i++)
		r = ctr_unless_gone(add_row(rows, &env, a, &list.v[i], e), e);
	return r;
}

static int ps_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		  struct err *e)
{
	const struct ps_args *a = args;
	const struct table_opts o = {
		.format = a->format, .quiet = a->quiet, .show = a->size ? "Size" : NULL,
	};
	json_t *rows = json_array();
	int r = ps_rows(rows, app, a, e);

	if (r == 0)
		r = table_print(&app->out, &ctr_table, &o, rows, e);
	json_decref(rows);
	return r;
}

static const char *const ps_aliases[] = {
	"container ls", "container list", "container ps", "ls", NULL,
};

const struct cmd cmd_ps = {
	.name = "ps",
	.aliases = ps_aliases,
	.summary = "List containers",
	.about = "List the containers that run, or all of them.",
	.example = "coracle ps -a\ncoracle ps -q --filter status=exited\n"
		   "coracle ps --format '{{.Names}}: {{.Status}}'",
	.opts = ps_opts,
	.args_size = sizeof(struct ps_args),
	.clear = ps_clear,
	.run = ps_run,
};
