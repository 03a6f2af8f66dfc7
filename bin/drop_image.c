#include "bin/drop_image.h"

#include "bin/row_image.h"
#include "lib/base/id.h"

/* May this row (by_name), or all rows of the image, go? */
static int check_use(const struct images *rows, const struct strv *users,
		     const struct drop_opts *o, struct err *e)
{
	if (!o->by_name && rows->len > 1)
		return err_set(e, EBUSY, "image '%s' has %zu names", o->text, rows->len);
	if (users->len && rows->len == 1)
		return err_hint(e, err_set(e, EBUSY, "image '%s' is used by container '%.*s'",
					   o->text, ID_SHORT_LEN, users->v[0]),
				"image.used");
	return 0;
}

int drop_image(struct buf *said, struct app *app, const struct image *image,
	       const struct drop_opts *o, struct err *e)
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
	if (r == 0 && !o->force)
		r = check_use(&rows, &users, o, e);
	for (size_t i = 0; r == 0 && i < rows.len; i++) {
		if (o->by_name && rows.v[i].row != image->row)
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
	if (r == 0 && !users.len && rows.len && (!o->by_name || rows.len == 1))
		buf_addf(said, "Deleted: %s\n", id);
	return r;
}
