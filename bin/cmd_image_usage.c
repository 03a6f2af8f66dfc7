#include "bin/cmd.h"
#include "bin/env.h"
#include "bin/jtree.h"
#include "bin/row_image.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/ctr/create.h"
#include "lib/ctr/imgusage.h"
#include "lib/ctr/snaps.h"
#include "lib/fmt/human.h"
#include "lib/fmt/table.h"

struct usage_args {
	const char *snapshotter, *format;
	bool bytes;
};

static const struct opt usage_opts[] = {
	FLAG(struct usage_args, bytes, 'b', "bytes", "Sizes in bytes"),
	TEXT(struct usage_args, format, 0, "format", "FORMAT", WORD_ANY,
	     "json, table, or a Go template"),
	TEXT(struct usage_args, snapshotter, 0, "snapshotter", "NAME", WORD_ANY,
	     SNAP_NAMES ", instead of this machine's"),
	{ .kind = OPT_END },
};

static const struct column columns[] = {
	{ .name = "Image", .header = "IMAGE" },
	{ .name = "Content", .header = "CONTENT" },
	{ .name = "Unpacked", .header = "UNPACKED" },
	{ .name = "Shared", .header = "SHARED" },
	{ .name = "Unique", .header = "UNIQUE" },
};

static const struct table table = { columns, ARRAY_SIZE(columns), "Image" };

struct usage_work {
	struct app *app;
	const struct usage_args *args;
	struct ctr_env env;
	struct ctr_imgusages all;
	json_t *rows;
};

static void usage_work_auto(struct usage_work *w)
{
	json_decref(w->rows);
	ctr_imgusages_auto(&w->all);
	env_clear(&w->env);
}

static void set_size(const struct usage_work *w, json_t *row, const char *key, uint64_t bytes)
{
	char text[HUMAN_MAX];

	human_size(bytes, text);
	if (w->args->bytes)
		jtree_number(row, key, (int64_t)bytes);
	else
		jtree_text(row, key, text);
}

static void set_image(json_t *row, const struct image *image)
{
	AUTO(buf) struct buf name = BUF_INIT(KIB(4));
	char id[DIGEST_TEXT_MAX];

	image_familiar(image, &name);
	image_id(&image->config, false, id);
	jtree_text(row, "Image", image->name ? name.data : id);
}

static int add_image(struct usage_work *w, const struct image *image, struct err *e)
{
	struct ctr_imgusage u;
	json_t *row;
	int r = ctr_imgusage(&u, &w->all, image, e);

	if (r < 0)
		return err_ctx(e, r, "image '%s'", str_or(image->name, "<none>"));
	row = json_object();
	set_image(row, image);
	set_size(w, row, "Content", u.content);
	set_size(w, row, "Unpacked", u.unpacked);
	set_size(w, row, "Shared", u.shared);
	set_size(w, row, "Unique", u.unpacked - u.shared);
	return json_array_append_new(w->rows, row);
}

static int add_all(struct usage_work *w, struct err *e)
{
	AUTO(images) struct images list = IMAGES_INIT;
	int r = image_list(&list, w->app->store, w->app->ns, NULL, e);

	for (size_t i = 0; r == 0 && i < list.len; i++)
		r = add_image(w, &list.v[i], e);
	return r;
}

static int add_one(struct usage_work *w, const char *text, struct err *e)
{
	AUTO(image) struct image image = IMAGE_INIT;
	int r = ctr_find_image(&image, &w->env, text, e);

	return r < 0 ? r : add_image(w, &image, e);
}

static int usage_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	AUTO(usage_work) struct usage_work w = { .app = app, .args = args, .rows = json_array() };
	const struct table_opts o = { .format = w.args->format };
	const struct snap_driver *d;
	int r = env_init(&w.env, app, e);

	if (r == 0)
		r = ctr_snap_driver(&d, &w.env, w.args->snapshotter, e);
	if (r == 0)
		r = ctr_imgusages_open(&w.all, &w.env, d, e);
	if (r == 0 && !count)
		r = add_all(&w, e);
	for (int i = 0; r == 0 && i < count; i++)
		r = add_one(&w, operands[i], e);
	return r < 0 ? r : table_print(&app->out, &table, &o, w.rows, e);
}

const struct cmd cmd_image_usage = {
	.name = "image usage",
	.summary = "Show what images take on disk, and share",
	.operands = "[IMAGE...]",
	.operand_word = WORD_IMAGE,
	.max = -1,
	.about = "CONTENT is what was fetched, UNPACKED the layers on disk, of which SHARED belong "
		 "to other images too; UNIQUE is what would be free without this one.",
	.example = "coracle image usage alpine",
	.opts = usage_opts,
	.args_size = sizeof(struct usage_args),
	.run = usage_run,
};
