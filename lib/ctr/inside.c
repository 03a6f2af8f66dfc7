#include "lib/ctr/inside.h"

#include <signal.h>
#include <string.h>

#include "lib/base/proc.h"
#include "lib/base/str.h"
#include "lib/ctr/bundle.h"
#include "lib/ctr/layers.h"
#include "lib/os/enter.h"
#include "lib/store/snapshots.h"

void ctr_inside_clear(struct ctr_inside *in)
{
	rootfs_clear(&in->root);
	fd_auto(&in->lock_fd);
}

int ctr_inside_snap(struct ctr_inside *in, struct ctr_env *env, const struct ctr_snap *s,
		    struct err *e)
{
	int r = 0;

	if (!in->read_only && s->snap.kind != SNAPSHOT_ACTIVE)
		return err_set(e, EROFS, "snapshot '%s' is not active", s->key);
	if (!in->read_only && s->is_container)
		return err_hint(e, err_set(e, EBUSY, "snapshot '%s' is that of a container",
					   s->key), "snapshot.container");
	if (!in->read_only)
		r = in->lock_fd = ctr_snap_lock(env, s, e);
	if (r >= 0)
		r = ctr_ids(env, NULL, &in->ids, e);
	return r < 0 ? r : ctr_rootfs(&in->root, env, s->snap.id, e);
}

/* -ENOENT: it went before it was pinned. */
static int keep_layers(struct ctr_env *env, const struct lease *lease,
		       const struct ctr_layers *l, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->count; i++) {
		AUTO(snapshot) struct snapshot s = SNAPSHOT_INIT;

		r = lease_pin_snapshot(lease, l->ids[i], e);
		if (r == 0)
			r = snapshot_get(&s, env->store, l->ids[i], e);
	}
	return r;
}

int ctr_inside_image(struct ctr_inside *in, struct ctr_env *env, const struct lease *l,
		     const struct snap_driver *d, const char *image, struct err *e)
{
	AUTO(ctr_layers) struct ctr_layers layers = { .driver = d };
	int r = ctr_ids(env, NULL, &in->ids, e);

	if (r == 0)
		r = ctr_snap_image(&layers, env, image, &in->ids, e);
	if (r == 0 && !layers.count)
		r = err_set(e, ENOENT, "image '%s' has no layer", image);
	if (r == 0)
		r = keep_layers(env, l, &layers, e);
	if (r == 0)
		ctr_layers_root(&in->root, env, &layers);
	return r;
}

static int inside_main(void *arg, struct err *e)
{
	static const struct proc_fd stdio[] = { { 0, 0 }, { 1, 1 }, { 2, 2 } };
	const struct ctr_inside *in = ((const void **)arg)[0];
	const struct rootfs_opts o = {
		.target = in->target, .fuse_overlayfs = ((const void **)arg)[1],
		.read_only = in->read_only,
	};
	const struct proc_spec spec = {
		.path = in->argv[0], .search = true, .argv = in->argv,
		.fds = stdio, .fd_count = ARRAY_SIZE(stdio),
	};
	AUTO(proc) struct proc command = PROC_INIT;
	AUTO_FD int root = rootfs_mount(&in->root, &o, e);
	int status = 0, r = root < 0 ? root : 0;

	if (r == 0 && !in->target && fchdir(root) < 0)
		r = err_sys(e, "enter the root");
	if (r == 0)
		r = proc_spawn(&command, &spec, e);
	if (r == 0)
		r = proc_wait(&command, &status, e);
	rootfs_unmount(&in->root, &o);
	return r < 0 ? r : proc_exit_code(status);
}

/* What the keyboard sends is for the command; we wait for its end. */
static void leave_keys(void)
{
	static const int signals[] = { SIGINT, SIGQUIT, SIGHUP };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		(void)signal(signals[i], SIG_IGN);
}

int ctr_inside_run(const struct ctr_inside *in, const char *fuse_overlayfs, struct err *e)
{
	const struct enter_opts o = { .map = &in->ids.map, .mount_ns = true };
	const void *args[] = { in, fuse_overlayfs };

	leave_keys();
	return enter_run(&o, inside_main, args, e);
}
