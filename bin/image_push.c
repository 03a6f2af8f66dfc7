/* content push-object: one blob of the store into a repository. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bin/image_args.h"
#include "bin/image_env.h"
#include "lib/base/fd.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/fmt/manifest.h"
#include "lib/registry/push.h"
#include "lib/store/content.h"

struct object {
	struct transfer transfer;	/* first */
	int fd;
};

static int object_read(void *arg, uint64_t offset, void *data, size_t len, struct err *e)
{
	const struct object *o = arg;
	char *at = data;
	ssize_t n;

	for (; len; len -= (size_t)n, at += n, offset += (uint64_t)n) {
		n = pread(o->fd, at, len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			n = 0;
		else if (n < 0)
			return err_sys(e, "read");
		else if (!n)
			return err_set(e, EBADMSG, "it became shorter");
	}
	return 0;
}

/* What the bytes say that they are: manifests and indexes do. */
static char *type_of(struct store *s, const struct digest *d, uint64_t size)
{
	AUTO(manifest_doc) struct manifest_doc doc = MANIFEST_DOC_INIT;
	AUTO(buf) struct buf text = BUF_INIT(MAX_MANIFEST);
	struct err none = ERR_INIT;

	if (size > text.max || content_read(s, d, &text, &none) < 0 ||
	    manifest_doc_parse(&doc, NULL, text.data, text.len, &none) < 0)
		return mem_str("application/octet-stream");
	return mem_str(media_text(doc.kind == MEDIA_IS_INDEX ? doc.index.media :
							       doc.manifest.media));
}

static int push(struct image_tool *t, const struct ref *ref, const struct desc *desc, int fd,
		struct err *e)
{
	static const struct push_source calls = { .read = object_read, .done = transfer_done };
	struct object o = { .fd = fd };
	int r = registry_push_add(t->registry, ref, desc, &calls, &o, e);

	return r < 0 ? r : transfer_run(&o.transfer, t->registry, e);
}

static int push_object(struct image_tool *t, struct app *app, const struct ref *ref,
		       const char *digest, const char *type, struct err *e)
{
	AUTO(desc) struct desc desc = DESC_INIT;
	int r = digest_parse(&desc.digest, digest, strlen(digest), e);
	AUTO_FD int fd = r < 0 ? r : content_get(app->store, &desc.digest, &desc.size, e);

	if (fd < 0)
		return fd;
	desc.media_type = type ? mem_str(type) : type_of(app->store, &desc.digest, desc.size);
	r = push(t, ref, &desc, fd, e);
	if (r == 0)
		app_printf(app, "Pushed %s %s\n", digest, desc.media_type);
	return r;
}

int push_object_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	const struct remote_args *a = args;
	AUTO(image_tool) struct image_tool tool;
	AUTO(ref) struct ref ref = REF_INIT;
	int r = image_tool_remote(&tool, &ref, app, a->plain_http, operands[0], e);

	if (r == 0)
		r = app_store(app, e);
	if (r == 0)
		r = push_object(&tool, app, &ref, operands[1], count > 2 ? operands[2] : NULL, e);
	return r < 0 ? err_ctx(e, r, "push of '%s' to '%s'", operands[1], operands[0]) : 0;
}
