#include "bin/cmd.h"
#include "bin/row_image.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/ctr/create.h"

static int tag_run(struct app *app, void *args UNUSED, char **operands, int count, struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(image) struct image image = IMAGE_INIT;
	int r = env_init(&env, app, e);

	if (r == 0)
		r = ctr_find_image(&image, &env, operands[0], e);
	for (int i = 1; r == 0 && i < count; i++) {
		AUTO(buf) struct buf name = BUF_INIT(KIB(4));

		r = image_canonical(&name, operands[i], e);
		if (r == 0)
			r = image_tag(app->store, app->ns, image.row, name.data, NULL, e);
	}
	return r;
}

/* The row goes; an image that had no other name keeps one without. */
static int untag_row(struct app *app, const struct image *image, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	struct image nameless = *image;
	int r = store_begin(&tx, app->store, STORE_DURABLE, e);

	nameless.name = NULL;
	if (r == 0)
		r = image_remove(app->store, image->row, e);
	if (r == 0)
		r = image_put(app->store, app->ns, &nameless, NULL, e);
	return r < 0 ? r : store_commit(&tx, e);
}

static int untag_name(struct app *app, const char *text, void *arg, struct err *e)
{
	const struct image *of = arg;
	AUTO(buf) struct buf name = BUF_INIT(KIB(4));
	AUTO(image) struct image image = IMAGE_INIT;
	int r = image_canonical(&name, text, e);

	if (r == 0)
		r = image_get(&image, app->store, app->ns, name.data, e);
	if (r == 0 && !digest_eq(&image.config, &of->config))
		return err_set(e, EINVAL, "'%s' is a name of another image", text);
	return r < 0 ? r : untag_row(app, &image, e);
}

static int untag_all(struct app *app, const struct image *image, struct err *e)
{
	AUTO(images) struct images rows = IMAGES_INIT;
	int r = image_list(&rows, app->store, app->ns, &image->config, e);

	for (size_t i = 0; r == 0 && i < rows.len; i++) {
		AUTO(image) struct image row = IMAGE_INIT;

		if (!rows.v[i].name)
			continue;
		r = image_get(&row, app->store, app->ns, rows.v[i].name, e);
		if (r == 0)
			r = untag_row(app, &row, e);
	}
	return r;
}

static int untag_run(struct app *app, void *args UNUSED, char **operands, int count,
		     struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(image) struct image image = IMAGE_INIT;
	int r = env_init(&env, app, e);

	if (r == 0)
		r = ctr_find_image(&image, &env, operands[0], e);
	if (r < 0)
		return r;
	return count > 1 ? app_each(app, operands + 1, count - 1, untag_name, &image) :
			   untag_all(app, &image, e);
}

static const char *const tag_aliases[] = { "image tag", NULL };
static const char *const untag_aliases[] = { "image untag", NULL };

const struct cmd cmd_tag = {
	.name = "tag",
	.aliases = tag_aliases,
	.summary = "Give an image one more name",
	.operands = "IMAGE NAME...",
	.operand_word = WORD_IMAGE,
	.min = 2,
	.max = -1,
	.about = "Each NAME then stands for IMAGE. Another image that had the name stays, "
		 "without it.",
	.example = "coracle tag alpine:3.20 localhost:5000/base:1",
	.run = tag_run,
};

const struct cmd cmd_untag = {
	.name = "untag",
	.aliases = untag_aliases,
	.summary = "Take names of an image away",
	.operands = "IMAGE [NAME...]",
	.operand_word = WORD_IMAGE,
	.min = 1,
	.max = -1,
	.about = "Take these names of IMAGE away, or all. The image stays, even without any name.",
	.example = "coracle untag alpine:3.20",
	.run = untag_run,
};
