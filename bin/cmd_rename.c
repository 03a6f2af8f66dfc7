#include "bin/cmd.h"
#include "bin/env.h"
#include "lib/base/str.h"

static int rename_run(struct app *app, void *args UNUSED, char **operands, int count UNUSED,
		      struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(ctr) struct ctr c = CTR_INIT;
	int r = env_init(&env, app, e);

	if (r == 0 && !str_is_name(operands[1]))
		r = err_set(e, EINVAL, "'%s' is not a name", operands[1]);
	if (r == 0)
		r = ctr_get(&c, &env, operands[0], e);
	if (r == 0)
		r = container_rename(env.store, env.ns, c.row.id, operands[1], e);
	return r == -EEXIST ? err_hint(e, r, "container.name") : r;
}

static const char *const rename_aliases[] = { "container rename", NULL };

const struct cmd cmd_rename = {
	.name = "rename",
	.aliases = rename_aliases,
	.summary = "Give a container another name",
	.operands = "CONTAINER NAME",
	.operand_word = WORD_CONTAINER,
	.min = 2,
	.max = 2,
	.example = "coracle rename web old-web",
	.run = rename_run,
};
