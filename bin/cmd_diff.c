#include "bin/cmd.h"
#include "bin/env.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ctr/changes.h"
#include "lib/fmt/json.h"

struct diff_args {
	const char *format;
};

static const struct opt diff_opts[] = {
	CHOICE(struct diff_args, format, 0, "format", "json",
	       "One object with the lists added, changed and deleted"),
	{ .kind = OPT_END },
};

static void add_kind(struct json_w *w, const char *key, enum diff_kind kind,
		     const struct strv *changes)
{
	json_m_array(w, key);
	for (size_t i = 0; i < changes->len; i++)
		if (changes->v[i][0] == (char)kind)
			json_w_string(w, changes->v[i] + 1);
	json_w_end(w);
}

static void print_json(struct app *app, const struct strv *changes)
{
	struct json_w w = JSON_W_INIT(&app->out);

	json_w_object(&w);
	add_kind(&w, "added", DIFF_ADDED, changes);
	add_kind(&w, "changed", DIFF_CHANGED, changes);
	add_kind(&w, "deleted", DIFF_DELETED, changes);
	json_w_end(&w);
	app_printf(app, "\n");
}

static int diff_run(struct app *app, void *args, char **operands, int count UNUSED,
		    struct err *e)
{
	const struct diff_args *a = args;
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(ctr) struct ctr c = CTR_INIT;
	AUTO(strv) struct strv changes = STRV_INIT;
	int r = env_init(&env, app, e);

	if (r == 0)
		r = ctr_get(&c, &env, operands[0], e);
	if (r == 0)
		r = ctr_changes(&changes, &env, &c, e);
	if (r < 0)
		return err_ctx(e, r, "diff");
	if (a->format) {
		print_json(app, &changes);
		return EXIT_DONE;
	}
	for (size_t i = 0; i < changes.len; i++) {
		str_mask(changes.v[i]);
		app_printf(app, "%c %s\n", changes.v[i][0], changes.v[i] + 1);
	}
	return EXIT_DONE;
}

static const char *const diff_aliases[] = { "container diff", NULL };

const struct cmd cmd_diff = {
	.name = "diff",
	.aliases = diff_aliases,
	.summary = "List what a container changed in its files",
	.operands = "CONTAINER",
	.operand_word = WORD_CONTAINER,
	.min = 1,
	.max = 1,
	.about = "List what CONTAINER, running or not, has added (A), changed (C) and deleted (D) "
		 "compared with its image. What is in volumes is not looked at, and of a deleted "
		 "directory only itself is listed.",
	.example = "coracle diff web\ncoracle diff --format json web | jq .added",
	.opts = diff_opts,
	.args_size = sizeof(struct diff_args),
	.run = diff_run,
};
