/* image label, container label. */
#include "bin/cmd.h"
#include "bin/env.h"
#include "bin/row_image.h"
#include "lib/base/limits.h"
#include "lib/ctr/create.h"

/* Behind the object's name. */
static void labels_of(struct strv *out, char **operands, int count)
{
	for (int i = 1; i < count; i++)
		strv_add(out, operands[i]);
}

static int image_run(struct app *app, void *args UNUSED, char **operands, int count,
		     struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(image) struct image image = IMAGE_INIT;
	AUTO(strv) struct strv labels = STRV_INIT;
	int r = env_init(&env, app, e);

	if (r == 0)
		r = ctr_find_image(&image, &env, operands[0], e);
	if (r == 0 && !image.name)
		r = err_set(e, EINVAL, "image '%s' has no name, and labels are of names",
			    operands[0]);
	labels_of(&labels, operands, count);
	if (r < 0)
		return r;
	return label_change(app->store, app->ns, LABEL_IMAGE, image.name, &labels, e);
}

static int container_run(struct app *app, void *args UNUSED, char **operands, int count,
			 struct err *e)
{
	AUTO(container) struct container row = CONTAINER_INIT;
	AUTO(strv) struct strv labels = STRV_INIT;
	int r = app_store(app, e);

	if (r == 0)
		r = container_get(&row, app->store, app->ns, operands[0], e);
	labels_of(&labels, operands, count);
	if (r < 0)
		return r;
	return label_change(app->store, app->ns, LABEL_CONTAINER, row.id, &labels, e);
}

const struct cmd cmd_image_label = {
	.name = "image label",
	.summary = "Set and clear labels of a name of an image",
	.operands = "IMAGE KEY=VALUE...",
	.operand_word = WORD_IMAGE,
	.min = 2,
	.max = -1,
	.about = "KEY= clears a label. These are labels of this store, not those in the image. "
		 "With " LABEL_GC_EXPIRE " the name goes at that time (RFC 3339).",
	.example = "coracle image label alpine reviewed=yes",
	.run = image_run,
};

const struct cmd cmd_container_label = {
	.name = "container label",
	.summary = "Set and clear labels of a container",
	.operands = "CONTAINER KEY=VALUE...",
	.operand_word = WORD_CONTAINER,
	.min = 2,
	.max = -1,
	.about = "KEY= clears a label.",
	.example = "coracle container label web tier=front",
	.run = container_run,
};
