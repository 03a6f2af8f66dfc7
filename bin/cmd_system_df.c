#include <stdio.h>

#include "bin/cmd.h"
#include "bin/jtree.h"
#include "bin/row_ctr.h"
#include "bin/row_image.h"
#include "bin/row_volume.h"
#include "lib/fmt/human.h"
#include "lib/store/snapshots.h"

struct df_args {
	bool verbose;
	const char *format;
};

static const struct opt df_opts[] = {
	TEXT(struct df_args, format, 0, "format", "FORMAT", WORD_ANY,
	     "json, table, or a Go template"),
	FLAG(struct df_args, verbose, 'v', "verbose", "Each image, container and volume"),
	{ .kind = OPT_END },
};

static const struct column columns[] = {
	{ .name = "Type", .header = "TYPE" },
	{ .name = "TotalCount", .header = "TOTAL" },
	{ .name = "Active", .header = "ACTIVE" },
	{ .name = "Size", .header = "SIZE" },
	{ .name = "Reclaimable", .header = "RECLAIMABLE" },
};

static const struct table df_table = { columns, ARRAY_SIZE(columns), "Type" };

#define UNKNOWN UINT64_MAX

static void set_count(json_t *row, const char *key, uint64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	jtree_text(row, key, text);
}

static void add_kind(json_t *rows, const char *type, uint64_t total, uint64_t active,
		     uint64_t bytes, uint64_t unused)
{
	json_t *row = json_object();
	char size[HUMAN_MAX] = "N/A", free_size[HUMAN_MAX] = "N/A";
	char text[2 * HUMAN_MAX];

	if (bytes != UNKNOWN)
		human_size(bytes, size);
	if (unused != UNKNOWN)
		human_size(unused, free_size);
	if (unused == UNKNOWN || !bytes)
		snprintf(text, sizeof(text), "%s", free_size);
	else
		snprintf(text, sizeof(text), "%s (%u%%)", free_size,
			 (unsigned)(unused * 100 / bytes));
	jtree_text(row, "Type", type);
	set_count(row, "TotalCount", total);
	set_count(row, "Active", active);
	jtree_text(row, "Size", size);
	jtree_text(row, "Reclaimable", text);
	json_array_append_new(rows, row);
}

struct idle {
	uint64_t running;
	uint64_t bytes;			/* of layers of those that do not run */
};

/* Asks the status pages: an end may not be in the rows yet. */
static int look_idle(struct idle *out, struct app *app, struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(containers) struct containers list = CONTAINERS_INIT;
	int r = env_init(&env, app, e);

	*out = (struct idle){ .running = 0 };
	if (r == 0)
		r = container_list(&list, app->store, app->ns, e);
	for (size_t i = 0; r == 0 && i < list.len; i++) {
		AUTO(snapshot) struct snapshot s = SNAPSHOT_INIT;
		AUTO(ctr) struct ctr c = CTR_INIT;

		r = ctr_look(&c, &env, &list.v[i], e);
		if (r == 0 && !c.is_running && c.row.snapshot)
			r = snapshot_get(&s, app->store, c.row.snapshot, e);
		r = ctr_unless_gone(r, e);
		out->running += c.is_running;
		out->bytes += s.size;
	}
	return r;
}

static int df_summary(struct app *app, const struct table_opts *o, struct err *e)
{
	json_t *rows = json_array();
	struct store_usage u;
	struct idle idle;
	int r = look_idle(&idle, app, e);

	if (r == 0)
		r = store_usage(&u, app->store, app->ns, e);
	if (r == 0) {
		add_kind(rows, "Images", u.images, u.images_active, u.layer_bytes,
			 u.layer_bytes_unused);
		add_kind(rows, "Containers", u.containers, idle.running, u.active_bytes,
			 idle.bytes < u.active_bytes ? idle.bytes : u.active_bytes);
		add_kind(rows, "Local Volumes", u.volumes, u.volumes_active, UNKNOWN, UNKNOWN);
		add_kind(rows, "Blobs", u.blobs, u.blobs, u.blob_bytes, 0);
		r = table_print(&app->out, &df_table, o, rows, e);
	}
	json_decref(rows);
	return r;
}

static int df_images(struct app *app, struct err *e)
{
	static const struct table_opts o = { .show = "Containers" };
	AUTO(images) struct images list = IMAGES_INIT;
	json_t *rows = json_array();
	int r = image_list(&list, app->store, app->ns, NULL, e);

	for (size_t i = 0; r == 0 && i < list.len; i++) {
		json_t *row;

		r = row_image(&row, app, &list.v[i], false, e);
		if (r == 0)
			json_array_append_new(rows, row);
	}
	app_printf(app, "Images space usage:\n\n");
	if (r == 0)
		r = table_print(&app->out, &image_table, &o, rows, e);
	json_decref(rows);
	return r;
}

static int add_ctr(json_t *rows, struct ctr_env *env, struct container *from, struct err *e)
{
	AUTO(ctr) struct ctr c = CTR_INIT;
	AUTO(snapshot) struct snapshot s = SNAPSHOT_INIT;
	char size[HUMAN_MAX];
	json_t *row;
	int r = ctr_look(&c, env, from, e);

	if (r == 0 && c.row.snapshot)
		r = snapshot_get(&s, env->store, c.row.snapshot, e);
	if (r == 0)
		r = row_ctr(&row, env, &c, false, false, e);
	if (r < 0)
		return ctr_unless_gone(r, e);
	human_size(s.size, size);
	jtree_text(row, "Size", size);
	return json_array_append_new(rows, row);
}

static int df_containers(struct app *app, struct err *e)
{
	static const struct table_opts o = {
		.format = "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t"
			  "{{.RunningFor}}\t{{.Status}}\t{{.Names}}",
	};
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(containers) struct containers list = CONTAINERS_INIT;
	json_t *rows = json_array();
	int r = env_init(&env, app, e);

	if (r == 0)
		r = container_list(&list, app->store, app->ns, e);
	for (size_t i = 0; r == 0 && i < list.len; i++)
		r = add_ctr(rows, &env, &list.v[i], e);
	app_printf(app, "\nContainers space usage:\n\n");
	if (r == 0)
		r = table_print(&app->out, &ctr_table, &o, rows, e);
	json_decref(rows);
	return r;
}

static int df_volumes(struct app *app, struct err *e)
{
	static const struct table_opts o = { .format = "table {{.Name}}\t{{.Links}}" };
	AUTO(volumes) struct volumes list = VOLUMES_INIT;
	json_t *rows = json_array();
	int r = volume_list(&list, app->store, app->ns, e);

	for (size_t i = 0; r == 0 && i < list.len; i++)
		json_array_append_new(rows, row_volume(app->store, &list.v[i]));
	app_printf(app, "\nLocal Volumes space usage:\n\n");
	if (r == 0)
		r = table_print(&app->out, &volume_table, &o, rows, e);
	json_decref(rows);
	return r;
}

static int df_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		  struct err *e)
{
	const struct df_args *a = args;
	const struct table_opts o = { .format = a->format };
	int r = app_store(app, e);

	if (r == 0 && (!a->verbose || a->format))
		return df_summary(app, &o, e);
	if (r == 0)
		r = df_images(app, e);
	if (r == 0)
		r = df_containers(app, e);
	return r < 0 ? r : df_volumes(app, e);
}

const struct cmd cmd_system_df = {
	.name = "system df",
	.summary = "Show what is used on disk",
	.max = 0,
	.about = "Sum up images, containers and volumes. The figures are those noted when "
		 "something was unpacked or measured last ('coracle ps -s' measures containers), "
		 "so nothing is walked. Images are their unpacked layers; blobs are what was "
		 "fetched, kept for push and repair.",
	.example = "coracle system df\ncoracle system df -v",
	.opts = df_opts,
	.args_size = sizeof(struct df_args),
	.run = df_run,
};
