#include "bin/cmd.h"
#include "bin/env.h"
#include "lib/ctr/create.h"
#include "lib/store/volumes.h"

/* No such object is an answer, not a failure to report. */
static int answer(int r, struct err *e)
{
	if (r == -ENOENT) {
		err_clear(e);
		return EXIT_FAILED;
	}
	return r < 0 ? r : EXIT_DONE;
}

static int image_exists(struct app *app, void *args UNUSED, char **operands, int count UNUSED,
			struct err *e)
{
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(image) struct image image = IMAGE_INIT;
	int r = env_init(&env, app, e);

	return r < 0 ? r : answer(ctr_find_image(&image, &env, operands[0], e), e);
}

static int container_exists(struct app *app, void *args UNUSED, char **operands, int count UNUSED,
			    struct err *e)
{
	AUTO(container) struct container row = CONTAINER_INIT;
	int r = app_store(app, e);

	return r < 0 ? r : answer(container_get(&row, app->store, app->ns, operands[0], e), e);
}

static int volume_exists(struct app *app, void *args UNUSED, char **operands, int count UNUSED,
			 struct err *e)
{
	AUTO(volume) struct volume v = VOLUME_INIT;
	int r = app_store(app, e);

	return r < 0 ? r : answer(volume_get(&v, app->store, app->ns, operands[0], e), e);
}

const struct cmd cmd_image_exists = {
	.name = "image exists",
	.summary = "Say by the exit status whether there is such an image",
	.operands = "IMAGE",
	.operand_word = WORD_IMAGE,
	.min = 1,
	.max = 1,
	.about = "Exit with 0 when IMAGE is in the store, with 1 when not.",
	.example = "coracle image exists alpine:3.20 || coracle pull alpine:3.20",
	.run = image_exists,
};

const struct cmd cmd_container_exists = {
	.name = "container exists",
	.summary = "Say by the exit status whether there is such a container",
	.operands = "CONTAINER",
	.operand_word = WORD_CONTAINER,
	.min = 1,
	.max = 1,
	.about = "Exit with 0 when CONTAINER exists, running or not, with 1 when not.",
	.example = "coracle container exists web && coracle rm -f web",
	.run = container_exists,
};

const struct cmd cmd_volume_exists = {
	.name = "volume exists",
	.summary = "Say by the exit status whether there is such a volume",
	.operands = "VOLUME",
	.operand_word = WORD_VOLUME,
	.min = 1,
	.max = 1,
	.about = "Exit with 0 when VOLUME exists, with 1 when not.",
	.example = "coracle volume exists cache || coracle volume create cache",
	.run = volume_exists,
};
