#include "bin/prune.h"

#include <string.h>

#include "bin/drop_image.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ctr/config.h"
#include "lib/ctr/layers.h"
#include "lib/ctr/remove.h"
#include "lib/fmt/human.h"
#include "lib/snap/snap.h"
#include "lib/store/volumes.h"
#include "rootless/idmap.h"

/* --- containers --- */

static int by_label(const void *o, void *arg UNUSED, const char *value, struct err *e UNUSED)
{
	return filter_label(&((const struct ctr *)o)->row.labels, value);
}

static int by_until(const void *o, void *arg UNUSED, const char *value, struct err *e)
{
	return filter_until(((const struct ctr *)o)->row.created_ns, value, e);
}

const struct filter_key prune_ctr_filters[] = {
	{ "until", by_until }, { "label", by_label }, { NULL, NULL },
};

/* What cannot be measured counts as nothing. */
static uint64_t ctr_bytes(struct ctr_env *env, const struct container *row)
{
	AUTO(ctr_config) struct ctr_config config;
	struct err ignored = ERR_INIT;
	struct ctr_size size = { .own = 0 };

	ctr_config_init(&config);
	if (ctr_config_parse(&config, row->config, strlen(row->config), &ignored) == 0)
		(void)!ctr_measure(&size, env, row, &config, &ignored);
	return size.own;
}

static int prune_container(struct buf *said, struct ctr_env *env, const struct strv *filters,
			   struct container *row, uint64_t *freed, struct err *e)
{
	const struct ctr_remove_opts o = { .force = false };
	AUTO(ctr) struct ctr c = CTR_INIT;
	uint64_t bytes;
	int r = ctr_look(&c, env, row, e);

	if (r < 0 || c.is_running || c.is_starting)
		return r;
	r = filter_match(filters, prune_ctr_filters, &c, NULL, e);
	if (r <= 0)
		return r;
	bytes = ctr_bytes(env, &c.row);
	r = ctr_remove(env, &c, &o, e);
	if (r < 0)
		return r;
	*freed += bytes;
	buf_addf(said, "%s\n", c.row.id);
	return 0;
}

int prune_containers(struct app *app, struct ctr_env *env, const struct strv *filters,
		     uint64_t *freed, struct err *e)
{
	AUTO(buf) struct buf said = BUF_INIT(MIB(16));
	AUTO(containers) struct containers list = CONTAINERS_INIT;
	int r = container_list(&list, app->store, app->ns, e);

	for (size_t i = 0; r == 0 && i < list.len; i++)
		r = ctr_unless_gone(prune_container(&said, env, filters, &list.v[i], freed,
						    e), e);
	if (said.len)
		app_printf(app, "Deleted Containers:\n%s\n", said.data);
	return r;
}

/* --- images --- */

static int prune_image(struct buf *said, struct app *app, struct ctr_env *env,
		       const struct strv *filters, const struct image *image, struct err *e)
{
	static const struct drop_opts o = { .force = true };
	AUTO(strv) struct strv users = STRV_INIT;
	int r = filter_match(filters, image_prune_filters, image, env, e);

	if (r <= 0)
		return r;
	r = image_users(&users, app->store, app->ns, &image->config, e);
	return r < 0 || users.len ? r : drop_image(said, app, image, &o, e);
}

int prune_images(struct app *app, struct ctr_env *env, const struct strv *filters, bool all,
		 uint64_t *freed, struct err *e)
{
	AUTO(buf) struct buf said = BUF_INIT(MIB(16));
	AUTO(images) struct images list = IMAGES_INIT;
	AUTO(store_hold) struct store_hold index;
	struct gc_result gone;
	int r = image_list(&list, app->store, app->ns, NULL, e);

	store_hold_index(&index, app->store);
	for (size_t i = 0; r == 0 && i < list.len; i++)
		if (all || !list.v[i].name)
			r = prune_image(&said, app, env, filters, &list.v[i], e);
	if (said.len)
		app_printf(app, "Deleted Images:\n%s\n", said.data);
	if (r == 0)
		r = ctr_collect(&gone, env, e);
	if (r == 0)
		*freed += gone.blob_bytes + gone.snapshot_bytes;
	return r;
}

/* --- volumes --- */

static uint64_t volume_bytes(struct ctr_env *env, const struct volume *v)
{
	struct err ignored = ERR_INIT;
	AUTO_FD int dir = volume_open(env->store, v->ns, v->name, &ignored);
	struct snap_usage usage = { .bytes = 0 };
	struct ids ids;

	if (dir >= 0 && ctr_ids(env, NULL, &ids, &ignored) == 0)
		(void)!snap_usage(&usage, dir, ".", &ids.map, &ignored);
	return usage.bytes;
}

static int prune_volume(struct buf *said, struct ctr_env *env, const struct strv *filters,
			const struct volume *v, uint64_t *freed, struct err *e)
{
	struct err used = ERR_INIT;
	uint64_t bytes;
	int r = filter_match(filters, volume_prune_filters, v, NULL, e);

	if (r <= 0)
		return r;
	bytes = volume_bytes(env, v);
	r = volume_remove(env->store, v->ns, v->name, &used);
	if (r == -EBUSY || r == -ENOENT)	/* since we looked */
		return 0;
	if (r < 0)
		return err_move(e, &used);
	*freed += bytes;
	buf_addf(said, "%s\n", v->name);
	return 0;
}

int prune_volumes(struct app *app, struct ctr_env *env, const struct strv *filters, bool all,
		  uint64_t *freed, struct err *e)
{
	AUTO(buf) struct buf said = BUF_INIT(MIB(16));
	AUTO(volumes) struct volumes list = VOLUMES_INIT;
	int r = volume_list(&list, app->store, app->ns, e);

	for (size_t i = 0; r == 0 && i < list.len; i++)
		if (!list.v[i].users && (all || list.v[i].is_anonymous))
			r = prune_volume(&said, env, filters, &list.v[i], freed, e);
	if (said.len) {
		app_printf(app, "Deleted Volumes:\n%s\n", said.data);
		ctr_reap_soon(env);
	}
	return r;
}

/* --- talk --- */

int prune_ask(struct app *app, bool force, const char *what, struct err *e)
{
	AUTO_FREE char *question = mem_printf("This removes %s. Go on?", what);

	if (force || app_confirm(app, question))
		return 0;
	return err_set(e, ECANCELED, "not confirmed, nothing was removed; --force asks nothing");
}

void prune_total(struct app *app, uint64_t freed)
{
	char text[HUMAN_MAX];

	human_size(freed, text);
	app_printf(app, "Total reclaimed space: %s\n", text);
}
