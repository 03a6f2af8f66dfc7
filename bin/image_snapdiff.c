#include "bin/env.h"
#include "bin/image_args.h"
#include "bin/image_output.h"
#include "lib/ctr/snaps.h"

static int write_diff(struct ctr_env *env, const struct snapshot_diff_args *a, const char *key,
		      int fd, struct err *e)
{
	AUTO(ctr_snaps) struct ctr_snaps all = CTR_SNAPS_INIT;
	const struct snap_driver *d;
	const struct ctr_snap *s;
	int r = ctr_snap_driver(&d, env, a->snapshotter, e);

	if (r == 0)
		r = ctr_snaps_list(&all, env, d->name, e);
	if (r < 0)
		return r;
	s = ctr_snaps_find(&all, key, e);
	return s ? ctr_snap_diff(env, s, fd, e) : -e->code;
}

int snapshot_diff_run(struct app *app, void *args, char **operands, int count UNUSED,
		      struct err *e)
{
	const struct snapshot_diff_args *a = args;
	AUTO(env) struct ctr_env env = { .ns = NULL };
	struct image_output out = IMAGE_OUTPUT_INIT;
	int r = env_init(&env, app, e);

	if (r == 0)
		r = image_output_open(&out, app, a->output, e);
	if (r == 0)
		r = image_output_end(&out, write_diff(&env, a, operands[0], out.fd, e), e);
	return r < 0 ? r : EXIT_DONE;
}
