#include "bin/cmd.h"
#include "bin/new_ctr.h"

static void create_clear(void *args)
{
	create_args_clear(args);
}

static int create_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(ctr_bundle) struct ctr_bundle b;
	int r;

	ctr_bundle_init(&b);
	r = new_ctr(&b, NULL, app, &env, args, operands, count, e);
	if (r < 0)
		return r;
	app_printf(app, "%s\n", b.id);
	return EXIT_DONE;
}

static const char *const create_aliases[] = { "container create", NULL };

const struct cmd cmd_create = {
	.name = "create",
	.aliases = create_aliases,
	.summary = "Make a container without starting it",
	.operands = "IMAGE [COMMAND [ARG...]]",
	.operand_word = WORD_IMAGE,
	.min = 1,
	.max = -1,
	.stop_at_operand = true,
	.about = "Make a container as 'coracle run' would, and print its id. 'coracle "
		 "start' runs it.",
	.example = "coracle create --name web -p 8080:80 nginx",
	.opts = create_opts,
	.args_size = sizeof(struct create_args),
	.clear = create_clear,
	.fail_status = EXIT_TOOL,
	.run = create_run,
};
