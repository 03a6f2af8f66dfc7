#include <string.h>

#include "bin/env.h"
#include "bin/image_args.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ctr/copy.h"

/* "CONTAINER:PATH": a text that begins with '/' or '.', or has a slash before
 * its colon, is a path of the host. */
static const char *inside_path(char **container, const char *text)
{
	size_t len = strcspn(text, ":/");

	if (text[0] == '.' || !len || text[len] != ':')
		return NULL;
	*container = mem_strn(text, len);
	return text + len + 1;
}

static int copy(struct ctr_env *env, const struct ctr *c, const char *from, const char *inside,
		const char *to, const struct cp_args *a, struct err *e)
{
	const struct ctr_copy_opts o = { .follow = a->follow, .archive = a->archive };

	if (!inside[0])
		return err_set(e, EINVAL, "a path must follow the colon");
	if (from && str_eq(from, "-"))
		return ctr_copy_in_tar(env, c, STDIN_FILENO, inside, e);
	if (from)
		return ctr_copy_in(env, c, from, inside, &o, e);
	if (!str_eq(to, "-"))
		return ctr_copy_out(env, c, inside, to, &o, e);
	if (isatty(STDOUT_FILENO))
		return err_set(e, EINVAL, "an archive on a terminal is of no use");
	return ctr_copy_out_tar(env, c, inside, STDOUT_FILENO, &o, e);
}

int cp_run(struct app *app, void *args, char **operands, int count UNUSED, struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(ctr) struct ctr c = CTR_INIT;
	AUTO_FREE char *from = NULL, *to = NULL;
	const char *source = inside_path(&from, operands[0]);
	const char *target = inside_path(&to, operands[1]);
	int r;

	if (!source == !target)
		return err_set(e, EINVAL, source ? "copying between containers is not supported" :
			       "one of the paths must be CONTAINER:PATH");
	r = env_init(&env, app, e);
	if (r == 0)
		r = ctr_get(&c, &env, source ? from : to, e);
	if (r == 0)
		r = copy(&env, &c, source ? NULL : operands[0], source ? source : target,
			 operands[1], args, e);
	return r < 0 ? err_ctx(e, r, "cp") : EXIT_DONE;
}
