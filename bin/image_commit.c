#include "bin/image_args.h"
#include "bin/image_env.h"
#include "bin/image_made.h"
#include "bin/row_image.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/ctr/commit.h"

int commit_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	const struct commit_args *a = args;
	AUTO(image_tool) struct image_tool tool;
	AUTO(ctr) struct ctr c = CTR_INIT;
	AUTO(buf) struct buf name = BUF_INIT(KIB(4));
	struct ctr_commit_opts o = {
		.author = a->author, .message = a->message, .changes = &a->changes,
		.pause = !a->no_pause,
	};
	struct make_result made;
	struct made_time time;
	int r = image_tool_init(&tool, app, NULL, a->quiet, e);

	if (r == 0)
		r = ctr_get(&c, &tool.ctr, operands[0], e);
	if (r == 0 && count > 1)
		r = image_canonical(&name, operands[1], e);
	if (r == 0)
		r = made_time(&time, a->epoch, e);
	if (r < 0)
		return err_ctx(e, r, "commit");
	o.name = name.len ? name.data : NULL;
	o.created_ns = time.ns;
	o.clamp_times = time.is_given;
	o.image = &tool.env;
	r = ctr_commit(&made, &tool.ctr, &c, &o, e);
	progress_end(&tool.progress);
	env_say(&tool.ctr, app);
	if (r < 0)
		return err_ctx(e, r, "commit '%s'", c.row.name);
	made_report(app, &made, o.name);
	return EXIT_DONE;
}
