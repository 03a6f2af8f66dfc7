#include "lib/ctr/commit.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ctr/changes.h"
#include "lib/ctr/pause.h"
#include "lib/fmt/imgchange.h"
#include "lib/image/layertar.h"
#include "lib/image/pack.h"
#include "lib/image/stream.h"
#include "lib/os/enter.h"
#include "lib/store/content.h"
#include "lib/store/snapshots.h"

/* An archive without entries: only its end, two blocks. */
#define EMPTY_TAR 1024

struct work {
	struct ctr_env *env;
	const struct ctr *ctr;
	const struct ctr_commit_opts *opts;
	struct ctr_trees trees;
	struct image_docs docs;		/* of the image below */
	struct imgconf config;		/* of the new one */
	struct lease lease;
	struct packed layer;
	bool is_empty;			/* there is no new layer */
};

static void work_auto(struct work *w)
{
	ctr_trees_clear(&w->trees);
	image_docs_clear(&w->docs);
	imgconf_clear(&w->config);
	packed_auto(&w->layer);
	lease_auto(&w->lease);
}

/* --- the new layer --- */

struct writer {
	const struct ctr_trees *trees;
	struct tarput_opts put;
	struct fd_pair pipe;
};

int ctr_trees_write(const struct ctr_trees *t, int tar_fd, const struct tarput_opts *put,
		    struct err *e)
{
	AUTO(tarput) struct tarput *tar = NULL;
	int r = tarput_open(&tar, tar_fd, put, e);

	if (r == 0)
		r = ctr_trees_walk(t, layertar_put, tar, e);
	return r < 0 ? r : tarput_end(tar, e);
}

static int write_layer(void *arg, struct err *e)
{
	struct writer *w = arg;

	fd_auto(&w->pipe.a);
	return ctr_trees_write(w->trees, w->pipe.b, &w->put, e);
}

/* The tar as its writer gives it; the end is one only when the writer says so. */
struct source {
	struct stream_fd fd;
	struct enter_child child;
};

static ssize_t read_changes(void *arg, const void **data, struct err *e)
{
	struct source *s = arg;
	ssize_t n = stream_fd_read(&s->fd, data, e);

	return n ? n : enter_finish(&s->child, e);
}

static void source_auto(struct source *s)
{
	enter_child_auto(&s->child);
	fd_auto(&s->fd.fd);
	free(s->fd.buf);
}

static int pack_changes(struct work *w, struct err *e)
{
	AUTO(source) struct source source = {
		.fd = { .fd = -1, .buf = mem_zero(STREAM_FD_BUF, 1) }, .child = ENTER_CHILD_INIT,
	};
	struct writer writer = {
		.trees = &w->trees, .pipe = FD_PAIR_INIT,
		.put = {
			.recorded = w->trees.bundle.ids.rung == IDS_SINGLE,
			.no_holes = true,
			.is_clamped = w->opts->clamp_times,
			.latest_s = (time_t)(w->opts->created_ns / NS_PER_S),
		},
	};
	const struct enter_opts o = { .map = &w->trees.bundle.ids.map };
	int r = fd_pipe(&writer.pipe, e);

	if (r == 0)
		r = enter_start(&source.child, &o, write_layer, &writer, e);
	fd_auto(&writer.pipe.b);
	source.fd.fd = writer.pipe.a;
	if (r == 0)
		r = pack_layer(&w->layer, w->env->store, &w->lease, read_changes, &source, e);
	w->is_empty = w->layer.tar_size <= EMPTY_TAR;
	return r;
}

static int freeze(struct ctr_pause *out, struct work *w)
{
	struct err why = ERR_INIT;
	int r = 0;

	if (w->ctr->is_running && w->opts->pause)
		r = ctr_pause(out, w->env, w->ctr, &why);
	if (r < 0)
		ctr_notice(w->env, "not paused meanwhile: %s", why.text);
	return r;
}

/* A container that was removed meanwhile was read in part. */
static int make_layer(struct work *w, struct err *e)
{
	AUTO(snapshot) struct snapshot snap = SNAPSHOT_INIT;
	AUTO(ctr_pause) struct ctr_pause pause = CTR_PAUSE_INIT;
	int r;

	(void)freeze(&pause, w);
	r = pack_changes(w, e);
	if (!ctr_pause_lasts(&pause))
		ctr_notice(w->env, "container '%s' went on meanwhile: it was sent a signal",
			   w->ctr->row.name);
	if (r == 0)
		r = snapshot_get(&snap, w->env->store, w->ctr->row.snapshot, e);
	return r;
}

/* --- the image below --- */

static int open_image(struct work *w, struct err *e)
{
	static const struct platform any;
	struct store *s = w->env->store;
	const struct manifest *m = &w->docs.manifest;
	int r = image_docs_load(&w->docs, s, &w->ctr->row.manifest, &any, e);

	for (size_t i = 0; r == 0 && i < m->layer_count; i++)
		r = lease_pin_blob(&w->lease, &m->layers[i].digest, e);
	if (r == 0)
		r = image_docs_are_whole(&w->docs, s, e);
	if (r < 0)
		return err_ctx(e, r, "its image");
	if (r == 0)
		return err_set(e, ENOENT, "a layer of its image is not in the store any more");
	if (m->layer_count >= MAX_LAYERS)
		return err_set(e, E2BIG, "its image has %zu layers, and %d is the limit",
			       m->layer_count, MAX_LAYERS);
	return 0;
}

/* --- the configuration --- */

static void set_text(char **member, const char *text, const char *implied)
{
	if (!*member && str_eq(text, implied))
		return;
	free(*member);
	*member = mem_str(text);
}

static void set_list(struct strv *member, const struct strv *list)
{
	strv_clear(member);
	strv_join(member, list);
}

/* --expose is kept as it was given. */
static int add_exposed(struct imgconf_run *run, const struct strv *exposed, struct err *e)
{
	AUTO(strv) struct strv changes = STRV_INIT;

	for (size_t i = 0; i < exposed->len; i++)
		if (!strv_has(&run->exposed_ports, exposed->v[i]))
			strv_addf(&changes, "EXPOSE %s", exposed->v[i]);
	return imgchange_apply(run, &changes, e);
}

/* What the container was started with, where an image can say it. */
static int take_over(struct imgconf_run *run, const struct ctr_config *c, struct err *e)
{
	/* keep-id has a user of its own */
	if (c->userns != CTR_USERNS_KEEP_ID)
		set_text(&run->user, c->user, NULL);
	set_text(&run->working_dir, c->workdir, "/");
	set_text(&run->stop_signal, c->stop_signal, "SIGTERM");
	set_list(&run->env, &c->env);
	set_list(&run->entrypoint, &c->entrypoint);
	set_list(&run->cmd, &c->cmd);
	set_list(&run->labels, &c->labels);
	run->has_entrypoint = run->entrypoint.len > 0;
	run->has_cmd = run->cmd.len > 0;
	return add_exposed(run, &c->exposed, e);
}

/* All but the new layer, and checked: nothing is packed for an image that is
 * refused. */
static int make_config(struct work *w, struct err *e)
{
	struct imgconf *c = &w->config;
	int r;

	imgconf_copy(c, &w->docs.config);
	free(c->created);
	c->created = make_time(w->opts->created_ns);
	free(c->author);
	c->author = mem_str(w->opts->author);
	r = take_over(&c->run, &w->trees.bundle.config, e);
	(void)imgconf_drop_reserved(c);
	if (r == 0)
		r = imgchange_apply(&c->run, w->opts->changes, e);
	return r < 0 ? r : make_check(c, e);
}

static void add_layer(struct work *w)
{
	const struct strv *args = &w->trees.bundle.spec.process.args;
	struct imgconf_history *h = imgconf_add_history(&w->config);
	AUTO(buf) struct buf command = BUF_INIT(KIB(64));

	for (size_t i = 0; i < args->len; i++)
		buf_addf(&command, "%s%s", i ? " " : "", args->v[i]);
	*h = (struct imgconf_history){
		.created = mem_str(w->config.created),
		.created_by = mem_str(command.data),
		.author = mem_str(w->opts->author),
		.comment = mem_str(w->opts->message),
		.empty_layer = w->is_empty,
	};
	if (!w->is_empty)
		imgconf_add_diff(&w->config, &w->layer.diff);
}

/* --- all of it --- */

static int finish(struct make_result *out, struct work *w, struct err *e)
{
	const struct manifest *below = &w->docs.manifest;
	AUTO_FREE struct desc *layers = mem_zero(below->layer_count + 1, sizeof(*layers));
	const struct make_options o = {
		.env = w->opts->image, .lease = &w->lease, .ns = w->env->ns,
		.name = w->opts->name, .config = &w->config, .layers = layers,
		.layer_count = below->layer_count + !w->is_empty,
	};

	/* borrowed */
	for (size_t i = 0; i < below->layer_count; i++)
		layers[i] = below->layers[i];
	layers[below->layer_count] = w->layer.blob;
	add_layer(w);
	return make_image(out, &o, e);
}

int ctr_commit(struct make_result *out, struct ctr_env *env, const struct ctr *c,
	       const struct ctr_commit_opts *o, struct err *e)
{
	AUTO(work) struct work w = {
		.env = env, .ctr = c, .opts = o, .docs = IMAGE_DOCS_INIT,
		.config = IMGCONF_INIT, .layer = PACKED_INIT, .lease = LEASE_INIT,
	};
	int r;

	ctr_trees_init(&w.trees);
	r = ctr_trees_open(&w.trees, env, c, e);
	if (r == 0)
		r = lease_begin(&w.lease, env->store, "commit", e);
	if (r == 0)
		r = open_image(&w, e);
	if (r == 0)
		r = make_config(&w, e);
	if (r == 0)
		r = make_layer(&w, e);
	return r < 0 ? r : finish(out, &w, e);
}
