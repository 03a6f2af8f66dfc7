#include "bin/env.h"
#include "bin/image_args.h"
#include "bin/image_output.h"
#include "lib/ctr/copy.h"

int export_run(struct app *app, void *args, char **operands, int count UNUSED, struct err *e)
{
	const struct export_args *a = args;
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(ctr) struct ctr c = CTR_INIT;
	struct image_output out = IMAGE_OUTPUT_INIT;
	int r = env_init(&env, app, e);

	if (r == 0)
		r = ctr_get(&c, &env, operands[0], e);
	if (r == 0)
		r = image_output_open(&out, app, a->output, e);
	if (r == 0)
		r = image_output_end(&out, ctr_export(&env, &c, out.fd, e), e);
	return r < 0 ? err_ctx(e, r, "export") : EXIT_DONE;
}
