#include <jansson.h>
#include <stdio.h>

#include "bin/app.h"
#include "bin/env.h"
#include "lib/base/str.h"
#include "lib/fmt/table.h"
#include "rootless/check.h"

struct doctor_args {
	const char *format;
};

static const struct opt doctor_opts[] = {
	TEXT(struct doctor_args, format, 0, "format", "FORMAT", WORD_ANY, "json, or a Go template"),
	{ .kind = OPT_END },
};

static const char *const verdicts[] = {
	[CHECK_OK] = "ok",
	[CHECK_LOWER] = "lower",
	[CHECK_MISSING] = "missing",
};

static void print_text(struct app *app, const struct checks *c)
{
	for (size_t i = 0; i < c->len; i++) {
		app_printf(app, "%-8s %-18s %s\n", verdicts[c->v[i].verdict], c->v[i].what,
			   c->v[i].reason);
		if (c->v[i].remedy)
			app_printf(app, "%-8s %-18s -> %s\n", "", "", c->v[i].remedy);
	}
	app_printf(app, "\n%s\n", checks_pass(c) ? "Containers can run here." :
						  "Containers cannot run here yet.");
}

static int print_object(struct app *app, const char *format, const struct checks *c,
			struct err *e)
{
	json_t *list = json_array();
	json_t *about;
	int r;

	for (size_t i = 0; i < c->len; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:b, s:s, s:s}",
						      "Name", c->v[i].what,
						      "Verdict", verdicts[c->v[i].verdict],
						      "Needed", c->v[i].is_needed,
						      "Reason", c->v[i].reason,
						      "Remedy", str_or(c->v[i].remedy, "")));
	about = json_pack("{s:b, s:o}", "CanRun", checks_pass(c), "Checks", list);
	r = table_print_object(&app->out, format, about, e);
	json_decref(about);
	return r;
}

static int doctor_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		      struct err *e)
{
	const struct doctor_args *a = args;
	AUTO(checks) struct checks c = CHECKS_INIT;
	AUTO_FREE char *image_program = NULL;
	struct check_env env = {
		.data_dir = app->data_dir,
		.local_dir = app->local_dir,
		.run_dir = app->run_dir,
		.run_dir_is_fallback = app->run_dir_is_fallback,
		.fuse_program = env_find_fuse(),
		.ids = { .cache_dir = app->cache_dir },
	};
	int r = app_program("coracle-image", &image_program, e);

	if (r < 0)
		return r;
	env.ids.asker = image_program;
	r = check_machine(&c, &env, e);
	if (r == 0 && a->format)
		r = print_object(app, a->format, &c, e);
	else if (r == 0)
		print_text(app, &c);
	return r < 0 ? r : checks_pass(&c) ? EXIT_DONE : EXIT_FAILED;
}

const struct cmd cmd_doctor = {
	.name = "doctor",
	.summary = "Check what this machine allows, and name the remedies",
	.max = 0,
	.about = "Try everything that containers need, as this user, in short-lived "
		 "processes. Each line says 'ok', 'lower' (something else is used "
		 "instead) or 'missing', why, and the command that helps. The exit status "
		 "is 0 when containers can run, else 1.",
	.example = "coracle doctor\ncoracle doctor --format '{{.CanRun}}'",
	.opts = doctor_opts,
	.args_size = sizeof(struct doctor_args),
	.run = doctor_run,
};
