#include "lib/ctr/changes.h"
#include "lib/ctr/snaps.h"
#include "lib/os/enter.h"

struct work {
	struct ctr_trees trees;
	struct ids ids;
	int tar_fd;
};

static void work_auto(struct work *w)
{
	ctr_trees_clear(&w->trees);
}

static int write_tar(void *arg, struct err *e)
{
	const struct work *w = arg;
	const struct tarput_opts put = {
		.recorded = w->ids.rung == IDS_SINGLE, .no_holes = true,
	};

	return ctr_trees_write(&w->trees, w->tar_fd, &put, e);
}

/* A container has an id map and places of its own. */
static int open_trees(struct work *w, struct ctr_env *env, const struct ctr_snap *s,
		      struct err *e)
{
	AUTO(ctr) struct ctr c = CTR_INIT;
	int r = s->is_container ? ctr_get(&c, env, s->key, e) : ctr_ids(env, NULL, &w->ids, e);

	if (r < 0)
		return r;
	if (!s->is_container)
		return ctr_trees_snapshot(&w->trees, env, &s->snap, e);
	r = ctr_trees_open(&w->trees, env, &c, e);
	w->ids = w->trees.bundle.ids;
	return r;
}

int ctr_snap_diff(struct ctr_env *env, const struct ctr_snap *s, int tar_fd, struct err *e)
{
	AUTO(work) struct work w = { .tar_fd = tar_fd };
	const struct enter_opts o = { .map = &w.ids.map };
	int r;

	ctr_trees_init(&w.trees);
	if (s->snap.diff_id.alg != DIGEST_NONE)
		return err_set(e, EINVAL, "snapshot '%s' is a layer of images, which 'coracle "
			       "content get' has", s->key);
	r = open_trees(&w, env, s, e);
	return r < 0 ? r : enter_run(&o, write_tar, &w, e);
}
