#include <stdio.h>
#include <string.h>

#include "bin/cmd.h"
#include "bin/jtree.h"
#include "bin/row_image.h"
#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/ctr/create.h"
#include "lib/fmt/human.h"
#include "lib/store/snapshots.h"

#define CREATED_BY_MAX 45		/* characters, as docker shows */

struct history_args {
	bool quiet, no_trunc, human;
	const char *format;
	const char *human_text;
};

static const struct opt history_opts[] = {
	TEXT(struct history_args, format, 0, "format", "FORMAT", WORD_ANY,
	     "json, table, or a Go template"),
	CHOICE(struct history_args, human_text, 0, "human", "true false",
	       "Ages and sizes for people, or exact ones"),
	FLAG(struct history_args, human, 'H', "human-readable", NULL),	/* the default */
	FLAG(struct history_args, no_trunc, 0, "no-trunc", "Do not shorten"),
	FLAG(struct history_args, quiet, 'q', "quiet", "Only ids"),
	{ .kind = OPT_END },
};

static const struct column columns[] = {
	{ .name = "ID", .header = "IMAGE" },
	{ .name = "CreatedSince", .header = "CREATED" },
	{ .name = "CreatedAt", .header = "CREATED AT", .hidden = true },
	{ .name = "CreatedBy", .header = "CREATED BY" },
	{ .name = "Size", .header = "SIZE" },
	{ .name = "Comment", .header = "COMMENT" },
};

static const struct table history_table = { columns, ARRAY_SIZE(columns), "ID" };

/* Sizes of the layers on disk, else of their blobs. */
static int layer_sizes(uint64_t sizes[static MAX_LAYERS], struct app *app,
		       const struct image_docs *d, struct err *e)
{
	AUTO(snapshots) struct snapshots list = SNAPSHOTS_INIT;
	int r = snapshot_list(&list, app->store, NULL, e);

	for (size_t i = 0; r == 0 && i < d->config.diff_count; i++) {
		sizes[i] = d->manifest.layers[i].size;
		for (size_t s = 0; s < list.len; s++)
			if (list.v[s].kind == SNAPSHOT_LAYER && list.v[s].is_ready &&
			    digest_eq(&list.v[s].diff_id, &d->config.diff_ids[i]))
				sizes[i] = list.v[s].size;
	}
	return r;
}

static void set_times(json_t *row, const char *created, bool human)
{
	struct err ignored = ERR_INIT;
	char text[HUMAN_MAX] = "N/A";
	uint64_t ns;

	if (created && num_time(created, 0, &ns, &ignored) == 0)
		human_ago(ns, clock_wall_ns(), text);
	jtree_text(row, "CreatedAt", created);
	jtree_text(row, "CreatedSince", human ? text : created);
}

/* What made the layer, in one line. */
static void set_command(json_t *row, const char *text, bool no_trunc)
{
	AUTO(buf) struct buf line = BUF_INIT(MAX_IMGCONF);
	size_t chars = 0;

	for (const char *p = str_or(text, ""); *p; p++) {
		chars += ((unsigned char)*p & 0xc0) != 0x80;
		if (!no_trunc && chars >= CREATED_BY_MAX && strlen(p) > 1) {
			buf_adds(&line, "…");
			break;
		}
		buf_addc(&line, *p == '\n' || *p == '\t' ? ' ' : *p);
	}
	jtree_text(row, "CreatedBy", line.data);
}

static json_t *history_row(const struct imgconf_history *h, const char *id, uint64_t size,
			   const struct history_args *a)
{
	bool human = !str_eq(a->human_text, "false");
	json_t *row = json_object();
	char text[HUMAN_MAX];

	jtree_text(row, "ID", id);
	set_times(row, h->created, human);
	set_command(row, h->created_by, a->no_trunc);
	if (human)
		human_size(size, text);
	else
		snprintf(text, sizeof(text), "%llu", (unsigned long long)size);
	jtree_text(row, "Size", text);
	jtree_text(row, "Comment", h->comment);
	return row;
}

/* Newest first; only what is on top has an id. */
static void add_rows(json_t *rows, const struct image_docs *d, const uint64_t *sizes,
		     const struct digest *config, const struct history_args *a)
{
	size_t layer = d->config.diff_count;
	char id[DIGEST_TEXT_MAX];

	image_id(config, a->no_trunc, id);
	for (size_t i = d->config.history_count; i-- > 0;) {
		const struct imgconf_history *h = &d->config.history[i];
		uint64_t size = h->empty_layer || !layer ? 0 : sizes[--layer];
		const char *shown = i + 1 == d->config.history_count ? id : "<missing>";

		json_array_append_new(rows, history_row(h, shown, size, a));
	}
	/* An image may say less about itself than it has layers. */
	while (layer > 0) {
		static const struct imgconf_history unknown;
		const char *shown = json_array_size(rows) ? "<missing>" : id;

		json_array_append_new(rows, history_row(&unknown, shown, sizes[--layer], a));
	}
}

static int history_run(struct app *app, void *args, char **operands, int count UNUSED,
		       struct err *e)
{
	const struct history_args *a = args;
	const struct table_opts o = { .format = a->format, .quiet = a->quiet };
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(image) struct image image = IMAGE_INIT;
	AUTO(image_docs) struct image_docs docs = IMAGE_DOCS_INIT;
	uint64_t sizes[MAX_LAYERS];
	json_t *rows = json_array();
	int r = env_init(&env, app, e);

	if (r == 0)
		r = ctr_find_image(&image, &env, operands[0], e);
	if (r == 0)
		r = ctr_image_docs(&docs, &env, &image, e);
	if (r == 0)
		r = layer_sizes(sizes, app, &docs, e);
	if (r == 0) {
		add_rows(rows, &docs, sizes, &image.config, a);
		r = table_print(&app->out, &history_table, &o, rows, e);
	}
	json_decref(rows);
	return r;
}

static const char *const history_aliases[] = { "image history", NULL };

const struct cmd cmd_history = {
	.name = "history",
	.aliases = history_aliases,
	.summary = "Show how an image was made",
	.operands = "IMAGE",
	.operand_word = WORD_IMAGE,
	.min = 1,
	.max = 1,
	.about = "List the steps that made IMAGE, the last one first, as the image tells them.",
	.example = "coracle history --no-trunc alpine:3.20",
	.opts = history_opts,
	.args_size = sizeof(struct history_args),
	.run = history_run,
};
