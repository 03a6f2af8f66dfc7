#include "bin/cmd.h"
#include "bin/drop_image.h"
#include "bin/row_image.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/ctr/create.h"
#include "lib/ctr/remove.h"

struct rmi_args {
	bool all, force, ignore;
};

static const struct opt rmi_opts[] = {
	FLAG(struct rmi_args, all, 'a', "all", "Remove all images"),
	FLAG(struct rmi_args, force, 'f', "force",
	     "Even when containers use it, or an id has several names; a missing one is fine"),
	FLAG(struct rmi_args, ignore, 'i', "ignore", "A missing image is fine"),
	{ .kind = OPT_END },
};

struct rmi_work {
	struct ctr_env *env;
	const struct rmi_args *args;
};

/* Was the image asked for by this name of it, or by what it is? */
static bool is_by_name(const struct image *image, const char *text)
{
	AUTO(buf) struct buf name = BUF_INIT(KIB(4));
	struct err ignored = ERR_INIT;

	return image->name && image_canonical(&name, text, &ignored) == 0 &&
	       str_eq(name.data, image->name);
}

static int rmi_one(struct app *app, const char *text, void *arg, struct err *e)
{
	struct rmi_work *w = arg;
	AUTO(image) struct image image = IMAGE_INIT;
	AUTO(buf) struct buf said = BUF_INIT(MIB(1));
	struct drop_opts o = { .force = w->args->force, .text = text };
	int r = ctr_find_image(&image, w->env, text, e);

	if (r == -ENOENT && (w->args->force || w->args->ignore)) {
		err_clear(e);
		return 0;
	}
	if (r < 0)
		return r;
	o.by_name = is_by_name(&image, text);
	r = drop_image(&said, app, &image, &o, e);
	if (r == 0)
		app_printf(app, "%s", said.data);
	return r;
}

static int rmi_all(struct app *app, struct rmi_work *w, struct err *e)
{
	AUTO(images) struct images list = IMAGES_INIT;
	int status = EXIT_DONE;
	int r = image_list(&list, app->store, app->ns, NULL, e);

	for (size_t i = 0; r == 0 && i < list.len; i++) {
		char id[DIGEST_TEXT_MAX];
		char *operand = list.v[i].name ? list.v[i].name : id;

		digest_print(&list.v[i].config, id);
		if (app_each(app, &operand, 1, rmi_one, w) != EXIT_DONE)
			status = EXIT_FAILED;
	}
	return r < 0 ? r : status;
}

static int rmi_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(store_hold) struct store_hold index = { .store = NULL };
	struct rmi_work w = { .env = &env, .args = args };
	int status, r;

	if (!count && !w.args->all)
		return err_set(e, EINVAL, "IMAGE is missing");
	r = env_init(&env, app, e);
	if (r < 0)
		return r;
	store_hold_index(&index, app->store);
	status = w.args->all ? rmi_all(app, &w, e) : app_each(app, operands, count, rmi_one, &w);
	r = status < 0 ? status : ctr_collect_soon(&env, e);
	return r < 0 ? r : status;
}

static const char *const rmi_aliases[] = { "image rm", "image remove", NULL };

const struct cmd cmd_rmi = {
	.name = "rmi",
	.aliases = rmi_aliases,
	.summary = "Remove images",
	.operands = "IMAGE...",
	.operand_word = WORD_IMAGE,
	.max = -1,
	.about = "Take the name IMAGE away, and the image itself when that was its last name; by "
		 "its id, remove the image. What other images share stays. With --force the name "
		 "of an image that containers use goes too; its layers stay as long as they are "
		 "used.",
	.example = "coracle rmi alpine:3.20\ncoracle rmi -f $(coracle images -q)",
	.opts = rmi_opts,
	.args_size = sizeof(struct rmi_args),
	.run = rmi_run,
};
