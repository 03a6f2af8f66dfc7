/* image check and image usage: what of images is on disk. */
#include <stdio.h>

#include "bin/cmd.h"
#include "bin/env.h"
#include "bin/jtree.h"
#include "bin/row_image.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/ctr/create.h"
#include "lib/ctr/imgcheck.h"
#include "lib/ctr/imgusage.h"
#include "lib/ctr/snaps.h"
#include "lib/fmt/human.h"
#include "lib/fmt/table.h"

struct disk_args {
	const char *snapshotter, *format;
	bool bytes, quiet;
};

#define SIZE_OPT FLAG(struct disk_args, bytes, 'b', "bytes", "Sizes in bytes")
#define FORMAT_OPT								\
	TEXT(struct disk_args, format, 0, "format", "FORMAT", WORD_ANY,		\
	     "json, table, or a Go template")
#define SNAPSHOTTER_OPT								\
	TEXT(struct disk_args, snapshotter, 0, "snapshotter", "NAME", WORD_ANY,	\
	     SNAP_NAMES ", instead of this machine's")

struct disk {
	struct app *app;
	const struct disk_args *args;
	int (*add)(struct disk *w, const struct image *image, struct err *e);
	struct ctr_env env;
	struct ids ids;			/* of the default policy */
	struct image_env unpacked;	/* how it would be */
	struct ctr_imgusages all;	/* of usage */
	json_t *rows;
	int status;
};

static void disk_auto(struct disk *w)
{
	json_decref(w->rows);
	ctr_imgusages_auto(&w->all);
	env_clear(&w->env);
}

static void say_size(const struct disk *w, uint64_t bytes, char text[static HUMAN_MAX])
{
	if (w->args->bytes)
		snprintf(text, HUMAN_MAX, "%llu", (unsigned long long)bytes);
	else
		human_size(bytes, text);
}

static int add_image(struct disk *w, const struct image *image, struct err *e)
{
	int r = w->add(w, image, e);

	return r < 0 ? err_ctx(e, r, "image '%s'", str_or(image->name, "<none>")) : r;
}

static int add_all(struct disk *w, struct err *e)
{
	AUTO(images) struct images list = IMAGES_INIT;
	int r = image_list(&list, w->app->store, w->app->ns, NULL, e);

	for (size_t i = 0; r == 0 && i < list.len; i++)
		r = add_image(w, &list.v[i], e);
	return r;
}

static int add_one(struct disk *w, const char *text, struct err *e)
{
	AUTO(image) struct image image = IMAGE_INIT;
	int r = ctr_find_image(&image, &w->env, text, e);

	return r < 0 ? r : add_image(w, &image, e);
}

static int disk_open(struct disk *w, struct err *e)
{
	const struct snap_driver *d;
	int r = env_init(&w->env, w->app, e);

	if (r == 0)
		r = ctr_snap_driver(&d, &w->env, w->args->snapshotter, e);
	if (r == 0)
		r = ctr_ids(&w->env, NULL, &w->ids, e);
	if (r == 0)
		w->unpacked = (struct image_env){
			.store = w->app->store,
			.driver = d,
			.map = &w->ids.map,
		};
	return r;
}

/* A row for each operand, or for all images. */
static int disk_show(struct disk *w, const struct table *table, char **operands, int count,
		     struct err *e)
{
	const struct table_opts o = { .format = w->args->format, .quiet = w->args->quiet };
	int r = count ? 0 : add_all(w, e);

	for (int i = 0; r == 0 && i < count; i++)
		r = add_one(w, operands[i], e);
	if (r == 0)
		r = table_print(&w->app->out, table, &o, w->rows, e);
	return r < 0 ? r : w->status;
}

/* --- check --- */

static const struct column check_columns[] = {
	{ .name = "Name", .header = "REF" },
	{ .name = "MediaType", .header = "TYPE" },
	{ .name = "Digest", .header = "DIGEST" },
	{ .name = "Status", .header = "STATUS" },
	{ .name = "Size", .header = "SIZE" },
	{ .name = "Unpacked", .header = "UNPACKED" },
};

static const struct table check_table = { check_columns, ARRAY_SIZE(check_columns), "Name" };

static const struct opt check_opts[] = {
	SIZE_OPT,
	FORMAT_OPT,
	FLAG(struct disk_args, quiet, 'q', "quiet", "Only names of what is complete and unpacked"),
	SNAPSHOTTER_OPT,
	{ .kind = OPT_END },
};

static void set_state(const struct disk *w, json_t *row, const struct ctr_imgcheck *c)
{
	char text[2 * HUMAN_MAX], there[HUMAN_MAX], needed[HUMAN_MAX];

	say_size(w, c->there_bytes, there);
	say_size(w, c->needed_bytes, needed);
	if (!c->is_known)
		snprintf(text, sizeof(text), "unavailable (%zu/?)", c->there);
	else
		snprintf(text, sizeof(text), "%scomplete (%zu/%zu)",
			 c->there < c->needed ? "in" : "", c->there, c->needed);
	jtree_text(row, "Status", text);
	snprintf(text, sizeof(text), "%s/%s", there, c->is_known ? needed : "?");
	jtree_text(row, "Size", text);
	jtree_bool(row, "Unpacked", c->is_unpacked);
}

static int add_check(struct disk *w, const struct image *image, struct err *e)
{
	struct ctr_imgcheck c;
	json_t *row;
	int r = ctr_imgcheck(&c, &w->unpacked, image, e);

	if (r < 0)
		return r;
	if (!ctr_imgcheck_is_complete(&c))
		w->status = EXIT_FAILED;
	if (w->args->quiet && !(ctr_imgcheck_is_complete(&c) && c.is_unpacked))
		return 0;
	row = json_object();
	jtree_text(row, "Name", str_or(image->name, "<none>"));
	jtree_text(row, "MediaType", image->media_type);
	jtree_digest(row, "Digest", &image->target);
	set_state(w, row, &c);
	return json_array_append_new(w->rows, row);
}

static int check_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	AUTO(disk) struct disk w = {
		.app = app, .args = args, .add = add_check, .rows = json_array(),
	};
	int r = disk_open(&w, e);

	return r < 0 ? r : disk_show(&w, &check_table, operands, count, e);
}

const struct cmd cmd_image_check = {
	.name = "image check",
	.summary = "Show whether all blobs of images are in the store",
	.operands = "[IMAGE...]",
	.operand_word = WORD_IMAGE,
	.max = -1,
	.about = "STATUS and SIZE tell how many of the blobs are there that the image of its "
		 "platform needs, UNPACKED whether a container would start at once. The exit "
		 "status is 1 when an image lacks one: 'coracle system check --repair' fetches it "
		 "again. Bytes are not read; 'coracle system check --deep' does that.",
	.example = "coracle image check\ncoracle image check --quiet alpine",
	.opts = check_opts,
	.args_size = sizeof(struct disk_args),
	.run = check_run,
};

/* --- usage --- */

static const struct column usage_columns[] = {
	{ .name = "Image", .header = "IMAGE" },
	{ .name = "Content", .header = "CONTENT" },
	{ .name = "Unpacked", .header = "UNPACKED" },
	{ .name = "Shared", .header = "SHARED" },
	{ .name = "Unique", .header = "UNIQUE" },
};

static const struct table usage_table = { usage_columns, ARRAY_SIZE(usage_columns), "Image" };

static const struct opt usage_opts[] = {
	SIZE_OPT,
	FORMAT_OPT,
	SNAPSHOTTER_OPT,
	{ .kind = OPT_END },
};

static void set_image(json_t *row, const struct image *image)
{
	AUTO(buf) struct buf name = BUF_INIT(KIB(4));
	char id[DIGEST_TEXT_MAX];

	image_familiar(image, &name);
	image_id(&image->config, false, id);
	jtree_text(row, "Image", image->name ? name.data : id);
}

static void set_size(const struct disk *w, json_t *row, const char *key, uint64_t bytes)
{
	char text[HUMAN_MAX];

	human_size(bytes, text);
	if (w->args->bytes)
		jtree_number(row, key, (int64_t)bytes);
	else
		jtree_text(row, key, text);
}

static int add_usage(struct disk *w, const struct image *image, struct err *e)
{
	struct ctr_imgusage u;
	json_t *row;
	int r = ctr_imgusage(&u, &w->all, image, e);

	if (r < 0)
		return r;
	row = json_object();
	set_image(row, image);
	set_size(w, row, "Content", u.content);
	set_size(w, row, "Unpacked", u.unpacked);
	set_size(w, row, "Shared", u.shared);
	set_size(w, row, "Unique", u.unpacked - u.shared);
	return json_array_append_new(w->rows, row);
}

static int usage_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	AUTO(disk) struct disk w = {
		.app = app, .args = args, .add = add_usage, .rows = json_array(),
	};
	int r = disk_open(&w, e);

	if (r == 0)
		r = ctr_imgusages_open(&w.all, &w.unpacked, e);
	return r < 0 ? r : disk_show(&w, &usage_table, operands, count, e);
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
	.args_size = sizeof(struct disk_args),
	.run = usage_run,
};
