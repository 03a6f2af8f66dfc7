#include "bin/cmd.h"
#include "bin/filter_image.h"
#include "bin/row_image.h"
#include "lib/base/str.h"
#include "lib/ctr/create.h"

struct images_args {
	bool all, quiet, no_trunc, digests;
	const char *format;
	struct strv filter;
};

static const struct opt images_opts[] = {
	FLAG(struct images_args, all, 'a', "all",
	     "Nothing is hidden anyway; for scripts that say it"),
	FLAG(struct images_args, digests, 0, "digests", "Show what the registry calls them"),
	LIST(struct images_args, filter, 'f', "filter", "KEY=VALUE", WORD_ANY,
	     "Only those: dangling, label, before, since, until, reference"),
	TEXT(struct images_args, format, 0, "format", "FORMAT", WORD_ANY,
	     "json, table, or a Go template"),
	FLAG(struct images_args, no_trunc, 0, "no-trunc", "Do not shorten"),
	FLAG(struct images_args, quiet, 'q', "quiet", "Only ids"),
	{ .kind = OPT_END },
};

static void images_clear_args(void *args)
{
	strv_clear(&((struct images_args *)args)->filter);
}

static int images_rows(json_t *rows, struct app *app, const struct images_args *a, struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(images) struct images list = IMAGES_INIT;
	int r = filter_check(&a->filter, image_filters, e);

	if (r == 0)
		r = env_init(&env, app, e);
	if (r == 0)
		r = image_list(&list, app->store, app->ns, NULL, e);
	for (size_t i = 0; r >= 0 && i < list.len; i++) {
		json_t *row;

		r = filter_match(&a->filter, image_filters, &list.v[i], &env, e);
		if (r <= 0)
			continue;
		r = row_image(&row, app, &list.v[i], a->no_trunc, e);
		if (r == 0)
			json_array_append_new(rows, row);
	}
	return r < 0 ? r : 0;
}

static int images_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	struct images_args *a = args;
	const struct table_opts o = {
		.format = a->format, .quiet = a->quiet, .show = a->digests ? "Digest" : NULL,
	};
	json_t *rows = json_array();
	int r;

	if (count)
		strv_addf(&a->filter, "reference=%s", operands[0]);
	r = images_rows(rows, app, a, e);
	if (r == 0)
		r = table_print(&app->out, &image_table, &o, rows, e);
	json_decref(rows);
	return r;
}

static const char *const images_aliases[] = { "image ls", "image list", NULL };

const struct cmd cmd_images = {
	.name = "images",
	.aliases = images_aliases,
	.summary = "List images",
	.operands = "[NAME]",
	.operand_word = WORD_IMAGE,
	.max = 1,
	.about = "List the images of the store, or those whose name is NAME or fits it as a "
		 "pattern. The size is that of the unpacked layers, which images may share; of "
		 "an image that was not unpacked yet that of its blobs.",
	.example = "coracle images\ncoracle images -q --filter dangling=true\n"
		   "coracle images --format '{{.Repository}}:{{.Tag}} {{.Size}}'",
	.opts = images_opts,
	.args_size = sizeof(struct images_args),
	.clear = images_clear_args,
	.run = images_run,
};
