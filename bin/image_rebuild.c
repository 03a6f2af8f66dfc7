/* system rebuild: a lost database is made again from the files. */
#include "bin/image_args.h"
#include "bin/image_env.h"
#include "lib/ctr/rebuild.h"
#include "lib/fmt/platform.h"
#include "lib/image/check.h"
#include "lib/image/rebuild.h"
#include "lib/store/rebuild.h"

static int say(struct app *app, const struct rebuild_result *res, uint64_t images)
{
	app_printf(app, "%llu images, %llu blobs, %llu layers, %llu containers, %llu volumes\n",
		   (unsigned long long)images, (unsigned long long)res->blobs,
		   (unsigned long long)res->layers, (unsigned long long)res->containers,
		   (unsigned long long)res->volumes);
	for (size_t i = 0; i < res->lost.len; i++)
		app_say(app, "not made out: %s", res->lost.v[i]);
	return res->lost.len ? EXIT_FAILED : EXIT_DONE;
}

int rebuild_run(struct app *app, void *args UNUSED, char **operands UNUSED, int count UNUSED,
		struct err *e)
{
	const struct store_options o = {
		.root = app->data_dir, .local = app->local_dir,
		.create = true, .exclusive = true, .rebuild = true,
	};
	AUTO(rebuild_result) struct rebuild_result res = REBUILD_RESULT_INIT;
	AUTO(platform) struct platform host = PLATFORM_INIT;
	AUTO(image_tool) struct image_tool tool;
	uint64_t images = 0;
	int r = store_open(&app->store, &o, e);

	if (r == 0)
		r = want_platform(&host, NULL, e);
	if (r < 0)
		return err_ctx(e, r, "store '%s'", app->data_dir);
	r = image_tool_init(&tool, app, NULL, true, e);
	if (r == 0)
		r = rebuild_rows(&res, app->store, image_check_blob, e);
	if (r == 0)
		r = image_rebuild(&images, &res.lost, &tool.env, &host, e);
	if (r == 0)
		r = ctr_rebuild(&tool.ctr, e);
	if (r == 0)
		r = rebuild_end(app->store, e);
	return r < 0 ? r : say(app, &res, images);
}
