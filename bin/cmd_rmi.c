#include <string.h>

#include "bin/cmd.h"
#include "bin/row_image.h"
#include "lib/base/id.h"
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

/* May this row (by_name), or all rows of the image, go? */
static int check_use(const struct image *image, const struct images *rows,
		     const struct strv *users, bool by_name, const char *text, struct err *e)
{
	if (!by_name && rows->len > 1)
		return err_set(e, EBUSY, "image '%s' has %zu names", text, rows->len);
	if (users->len && rows->len == 1)
		return err_hint(e, err_set(e, EBUSY, "image '%s' is used by container '%.*s'",
					   image->name ? text : "<none>", ID_SHORT_LEN, users->v[0]),
				"image.used");
	return 0;
}

/* Rows go in the transaction that looked who uses them. */
static int remove_rows(struct buf *said, struct app *app, const struct image *image,
		       bool by_name, bool force, const char *text, struct err *e)
{
	AUTO(store_tx) struct store_tx tx = STORE_TX_INIT;
	AUTO(images) struct images rows = IMAGES_INIT;
	AUTO(strv) struct strv users = STRV_INIT;
	char id[DIGEST_TEXT_MAX];
	int r = store_begin(&tx, app->store, STORE_DURABLE, e);

	if (r == 0)
		r = image_list(&rows, app->store, app->ns, &image->config, e);
	if (r == 0)
		r = image_users(&users, app->store, app->ns, &image->config, e);
	if (r == 0 && !force)
		r = check_use(image, &rows, &users, by_name, text, e);
	for (size_t i = 0; r == 0 && i < rows.len; i++) {
		if (by_name && rows.v[i].row != image->row)
			continue;
		if (rows.v[i].name) {
			buf_adds(said, "Untagged: ");
			image_familiar(&rows.v[i], said);
			buf_addc(said, '\n');
		}
		r = image_remove(app->store, rows.v[i].row, e);
	}
	if (r == 0)
		r = store_commit(&tx, e);
	digest_print(&image->config, id);
	if (r == 0 && !users.len && (!by_name || rows.len == 1))
		buf_addf(said, "Deleted: %s\n", id);
	return r;
}

static int rmi_one(struct app *app, const char *text, void *arg, struct err *e)
{
	struct rmi_work *w = arg;
	AUTO(image) struct image image = IMAGE_INIT;
	AUTO(buf) struct buf said = BUF_INIT(MIB(1));
	int r = ctr_find_image(&image, w->env, text, e);

	if (r == -ENOENT && (w->args->force || w->args->ignore)) {
		err_clear(e);
		return 0;
	}
	if (r == 0)
		r = remove_rows(&said, app, &image, is_by_name(&image, text), w->args->force, text, e);
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
	struct rmi_work w = { .env = &env, .args = args };
	int status, r;

	if (!count && !w.args->all)
		return err_set(e, EINVAL, "IMAGE is missing");
	r = env_init(&env, app, e);
	if (r < 0)
		return r;
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
	.about = "Take the name IMAGE away, and the image itself when that was its last name; by its "
		 "id, remove the image. What other images share stays. With --force the name of an "
		 "image that containers use goes too; its layers stay as long as they are used.",
	.example = "coracle rmi alpine:3.20\ncoracle rmi -f $(coracle images -q)",
	.opts = rmi_opts,
	.args_size = sizeof(struct rmi_args),
	.run = rmi_run,
};
