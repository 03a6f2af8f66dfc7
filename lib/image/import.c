#include "lib/image/import.h"

#include "lib/base/mem.h"
#include "lib/fmt/imgchange.h"
#include "lib/image/pack.h"
#include "lib/image/stream.h"

static int pack_archive(struct packed *out, const struct import_options *o,
			const struct lease *l, struct err *e)
{
	AUTO_FREE char *buf = mem_zero(STREAM_FD_BUF, 1);
	AUTO(stream) struct stream *stream = NULL;
	struct stream_fd source = { .fd = o->fd, .buf = buf };
	const struct stream_opts so = { .source = stream_fd_read, .arg = &source };
	struct stream_result res;
	int r = stream_open(&stream, &so, e);

	if (r == 0)
		r = pack_layer(out, o->env.store, l, stream_read, stream, e);
	return r < 0 ? r : stream_finish(stream, &res, e);
}

/* All but the layer, and checked: nothing is packed for an image that is
 * refused. */
static int make_config(struct imgconf *c, const struct import_options *o, struct err *e)
{
	struct imgconf_history *h = imgconf_add_history(c);
	int r;

	platform_copy(&c->platform, o->platform);
	c->created = make_time(o->created_ns);
	h->created = mem_str(c->created);
	h->comment = mem_str(o->message);
	r = imgchange_apply(&c->run, o->changes, e);
	return r < 0 ? r : make_check(c, e);
}

int image_import(struct make_result *out, const struct import_options *o, struct err *e)
{
	AUTO(imgconf) struct imgconf config = IMGCONF_INIT;
	AUTO(packed) struct packed layer = PACKED_INIT;
	AUTO(lease) struct lease lease = LEASE_INIT;
	struct make_options make = {
		.env = &o->env, .lease = &lease, .ns = o->ns, .name = o->name,
		.config = &config, .layers = &layer.blob, .layer_count = 1,
	};
	int r = make_config(&config, o, e);

	if (r == 0)
		r = lease_begin(&lease, o->env.store, "import", e);
	if (r == 0)
		r = pack_archive(&layer, o, &lease, e);
	if (r < 0)
		return r;
	imgconf_add_diff(&config, &layer.diff);
	return make_image(out, &make, e);
}
