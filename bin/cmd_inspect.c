#include "bin/cmd.h"
#include "bin/inspect.h"
#include "bin/jtree.h"
#include "lib/base/str.h"
#include "lib/ctr/create.h"
#include "lib/fmt/table.h"

struct inspect_args {
	bool size;
	const char *format, *type;
};

static const struct opt inspect_opts[] = {
	TEXT(struct inspect_args, format, 'f', "format", "FORMAT", WORD_ANY,
	     "json, or a Go template"),
	FLAG(struct inspect_args, size, 's', "size", "Measure the own layers of containers"),
	CHOICE(struct inspect_args, type, 0, "type", "container image volume",
	       "Only this kind of object"),
	{ .kind = OPT_END },
};

static const struct opt format_opts[] = {
	TEXT(struct inspect_args, format, 'f', "format", "FORMAT", WORD_ANY,
	     "json, or a Go template"),
	{ .kind = OPT_END },
};

static const struct opt container_opts[] = {
	TEXT(struct inspect_args, format, 'f', "format", "FORMAT", WORD_ANY,
	     "json, or a Go template"),
	FLAG(struct inspect_args, size, 's', "size", "Measure the own layers of containers"),
	{ .kind = OPT_END },
};

struct inspect_work {
	struct ctr_env *env;
	const struct inspect_args *args;
	json_t *found;			/* when there is no format */
};

static int get_ctr(json_t **out, struct inspect_work *w, const char *text, struct err *e)
{
	AUTO(ctr) struct ctr c = CTR_INIT;
	int r = ctr_get(&c, w->env, text, e);

	return r < 0 ? r : inspect_ctr(out, w->env, &c, w->args->size, e);
}

static int get_image(json_t **out, struct inspect_work *w, const char *text, struct err *e)
{
	AUTO(image) struct image image = IMAGE_INIT;
	int r = ctr_find_image(&image, w->env, text, e);

	return r < 0 ? r : inspect_image(out, w->env, &image, e);
}

static int get_volume(json_t **out, struct inspect_work *w, const char *text, struct err *e)
{
	AUTO(volume) struct volume v = VOLUME_INIT;
	int r = volume_get(&v, w->env->store, w->env->ns, text, e);

	if (r == 0)
		*out = inspect_volume(w->env->store, &v);
	return r;
}

static const struct {
	const char *type;
	int (*get)(json_t **out, struct inspect_work *w, const char *text, struct err *e);
} kinds[] = {
	{ "container", get_ctr },
	{ "image", get_image },
	{ "volume", get_volume },
};

/* The first kind that has such an object; only one kind may say why it has
 * none in its own words. */
static int get(json_t **out, struct inspect_work *w, const char *text, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct err err = ERR_INIT;
		int r;

		if (w->args->type && !str_eq(w->args->type, kinds[i].type))
			continue;
		r = kinds[i].get(out, w, text, &err);
		if (r == 0)
			return 0;
		if (r != -ENOENT || w->args->type)
			return err_move(e, &err);
	}
	return err_set(e, ENOENT, "no container, image or volume '%s'", text);
}

static int inspect_one(struct app *app, const char *text, void *arg, struct err *e)
{
	struct inspect_work *w = arg;
	json_t *object;
	int r = get(&object, w, text, e);

	if (r < 0)
		return r;
	if (!w->args->format)
		return json_array_append_new(w->found, object);
	r = table_print_object(&app->out, w->args->format, object, e);
	json_decref(object);
	return r;
}

static int inspect_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	struct inspect_work w = { .env = &env, .args = args, .found = json_array() };
	int r = env_init(&env, app, e);

	if (r == 0)
		r = app_each(app, operands, count, inspect_one, &w);
	if (r >= 0 && !w.args->format)
		jtree_print(&app->out, w.found);
	json_decref(w.found);
	return r;
}

static int typed(struct app *app, void *args, const char *type, char **operands, int count,
		 struct err *e)
{
	((struct inspect_args *)args)->type = type;
	return inspect_run(app, args, operands, count, e);
}

static int image_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	return typed(app, args, "image", operands, count, e);
}

static int container_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	return typed(app, args, "container", operands, count, e);
}

static int volume_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	return typed(app, args, "volume", operands, count, e);
}

const struct cmd cmd_inspect = {
	.name = "inspect",
	.summary = "Show all that is known of containers, images or volumes",
	.operands = "OBJECT...",
	.operand_word = WORD_CONTAINER,
	.min = 1,
	.max = -1,
	.about = "Print a JSON array with the objects, or a line for each by a template. A name "
		 "that several kinds have is the container's, then the image's.",
	.example = "coracle inspect web\ncoracle inspect -f '{{.State.Pid}}' web\n"
		   "coracle inspect --type image -f '{{json .Config.Env}}' alpine",
	.opts = inspect_opts,
	.args_size = sizeof(struct inspect_args),
	.run = inspect_run,
};

const struct cmd cmd_image_inspect = {
	.name = "image inspect",
	.summary = "Show all that is known of images",
	.operands = "IMAGE...",
	.operand_word = WORD_IMAGE,
	.min = 1,
	.max = -1,
	.example = "coracle image inspect -f '{{.Id}} {{.Size}}' alpine",
	.opts = format_opts,
	.args_size = sizeof(struct inspect_args),
	.run = image_run,
};

const struct cmd cmd_container_inspect = {
	.name = "container inspect",
	.summary = "Show all that is known of containers",
	.operands = "CONTAINER...",
	.operand_word = WORD_CONTAINER,
	.min = 1,
	.max = -1,
	.example = "coracle container inspect -s -f '{{.SizeRw}}' web",
	.opts = container_opts,
	.args_size = sizeof(struct inspect_args),
	.run = container_run,
};

const struct cmd cmd_volume_inspect = {
	.name = "volume inspect",
	.summary = "Show all that is known of volumes",
	.operands = "VOLUME...",
	.operand_word = WORD_VOLUME,
	.min = 1,
	.max = -1,
	.example = "coracle volume inspect -f '{{.Mountpoint}}' cache",
	.opts = format_opts,
	.args_size = sizeof(struct inspect_args),
	.run = volume_run,
};
