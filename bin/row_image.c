#include "bin/row_image.h"

#include <stdio.h>
#include <string.h>

#include "bin/jtree.h"
#include "lib/base/clock.h"
#include "lib/base/id.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/fmt/human.h"
#include "lib/fmt/ref.h"

#define NONE "<none>"

static const struct column columns[] = {
	{ .name = "Repository", .header = "REPOSITORY" },
	{ .name = "Tag", .header = "TAG" },
	{ .name = "Digest", .header = "DIGEST", .hidden = true },
	{ .name = "ID", .header = "IMAGE ID" },
	{ .name = "CreatedAt", .header = "CREATED AT", .hidden = true },
	{ .name = "CreatedSince", .header = "CREATED" },
	{ .name = "Size", .header = "SIZE" },
	{ .name = "Containers", .header = "CONTAINERS", .hidden = true },
	{ .name = "Platform", .header = "PLATFORM", .hidden = true },
	{ .name = "Name", .header = "REF", .hidden = true },
	{ .name = "MediaType", .header = "TYPE", .hidden = true },
};

const struct table image_table = { columns, ARRAY_SIZE(columns), "ID" };

void image_familiar(const struct image *image, struct buf *out)
{
	AUTO(ref) struct ref ref = REF_INIT;
	struct err ignored = ERR_INIT;

	if (!image->name)
		buf_adds(out, NONE);
	else if (ref_parse(&ref, image->name, &ignored) < 0)
		buf_adds(out, image->name);
	else
		ref_familiar(&ref, out);
}

uint64_t image_bytes(const struct image *image)
{
	return image->unpacked_size ? image->unpacked_size : image->packed_size;
}

void image_id(const struct digest *config, bool no_trunc, char out[static DIGEST_TEXT_MAX])
{
	if (no_trunc) {
		digest_print(config, out);
		return;
	}
	digest_hex(config, out);
	out[ID_SHORT_LEN] = '\0';
}

int image_canonical(struct buf *out, const char *text, struct err *e)
{
	AUTO(ref) struct ref ref = REF_INIT;
	int r = ref_parse(&ref, text, e);

	if (r < 0)
		return r;
	if (digest_is_set(&ref.digest))
		return err_set(e, EINVAL, "'%s': a name has a tag, not a digest", text);
	ref_default_tag(&ref);
	ref_print(&ref, out);
	return 0;
}

static void set_name(json_t *row, const struct image *image)
{
	AUTO(buf) struct buf name = BUF_INIT(KIB(4));
	AUTO(ref) struct ref ref = REF_INIT;
	struct err ignored = ERR_INIT;

	if (image->name && ref_parse(&ref, image->name, &ignored) == 0)
		ref_familiar_name(&ref, &name);
	jtree_text(row, "Repository", str_or(name.data, NONE));
	jtree_text(row, "Tag", str_or(ref.tag, NONE));
}

int row_image(json_t **out, struct app *app, const struct image *image, bool no_trunc,
	      struct err *e)
{
	AUTO(strv) struct strv users = STRV_INIT;
	char text[DIGEST_TEXT_MAX], when[CLOCK_TEXT_MAX];
	json_t *row;
	int r = image_users(&users, app->store, app->ns, &image->config, e);

	if (r < 0)
		return r;
	row = json_object();
	set_name(row, image);
	image_id(&image->config, no_trunc, text);
	jtree_text(row, "ID", text);
	digest_print(&image->target, text);
	jtree_text(row, "Digest", text);
	clock_print(image->created_ns, when);
	jtree_text(row, "CreatedAt", image->created_ns ? when : "N/A");
	human_ago(image->created_ns, clock_wall_ns(), text);
	jtree_text(row, "CreatedSince", image->created_ns ? text : "N/A");
	human_size(image_bytes(image), text);
	jtree_text(row, "Size", text);
	snprintf(text, sizeof(text), "%zu", users.len);
	jtree_text(row, "Containers", text);
	jtree_text(row, "Platform", image->platform);
	jtree_text(row, "Name", str_or(image->name, NONE));
	jtree_text(row, "MediaType", image->media_type);
	*out = row;
	return 0;
}
