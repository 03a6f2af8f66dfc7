/* content fetch-blob and fetch-object: what a registry has, on standard output
 * and not in the store. */
#include <string.h>
#include <unistd.h>

#include "bin/image_args.h"
#include "bin/image_env.h"
#include "lib/base/fs.h"
#include "lib/image/stream.h"
#include "lib/registry/fetch.h"
#include "lib/registry/resolve.h"

struct sink {
	struct transfer transfer;	/* first */
	struct hash *hash;
};

static int sink_write(void *arg, const void *data, size_t len, struct err *e)
{
	struct sink *s = arg;

	hash_add(s->hash, data, len);
	return fs_write_all(STDOUT_FILENO, data, len, e);
}

static int write_blob(struct registry *reg, const struct ref *ref, const struct digest *d,
		      struct err *e)
{
	static const struct fetch_sink calls = { .write = sink_write, .done = transfer_done };
	const struct desc desc = { .digest = *d, .size = REGISTRY_ANY_SIZE };
	AUTO(hash) struct hash *hash = hash_new(d->alg);
	struct sink s = { .hash = hash };
	struct digest got;
	int r = registry_fetch_add(reg, ref, &desc, 0, &calls, &s, e);

	if (r == 0)
		r = transfer_run(&s.transfer, reg, e);
	if (r < 0)
		return r;
	hash_end(hash, &got);
	return digest_eq(&got, d) ? 0 : err_set(e, EBADMSG, "the bytes are others");
}

/* A manifest is no blob to a registry, but has a digest all the same. */
static int write_object(struct registry *reg, const struct ref *ref, const char *text,
			struct err *e)
{
	AUTO(registry_doc) struct registry_doc doc = REGISTRY_DOC_INIT;
	struct err none = ERR_INIT;
	struct digest d;
	int r = digest_parse(&d, text, strlen(text), e);

	if (r < 0)
		return r;
	r = write_blob(reg, ref, &d, e);
	if (r == -ENOENT && registry_manifest_at(&doc, reg, ref, &d, 0, &none) == 0) {
		err_clear(e);
		r = fs_write_all(STDOUT_FILENO, doc.bytes.data, doc.bytes.len, e);
	}
	return r < 0 ? err_ctx(e, r, "'%s'", text) : 0;
}

int fetch_blob_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	const struct remote_args *a = args;
	AUTO(image_tool) struct image_tool tool;
	AUTO(ref) struct ref ref = REF_INIT;
	int r = image_tool_remote(&tool, &ref, app, a->plain_http, operands[0], e);

	for (int i = 1; r == 0 && i < count; i++)
		r = write_object(tool.registry, &ref, operands[i], e);
	return r < 0 ? err_ctx(e, r, "fetch of '%s'", operands[0]) : 0;
}

int fetch_object_run(struct app *app, void *args, char **operands, int count UNUSED,
		     struct err *e)
{
	const struct remote_args *a = args;
	AUTO(registry_doc) struct registry_doc doc = REGISTRY_DOC_INIT;
	AUTO(image_tool) struct image_tool tool;
	AUTO(ref) struct ref ref = REF_INIT;
	int r = image_tool_remote(&tool, &ref, app, a->plain_http, operands[0], e);

	if (r == 0)
		r = registry_manifest(&doc, tool.registry, &ref, e);
	if (r == 0)
		r = fs_write_all(STDOUT_FILENO, doc.bytes.data, doc.bytes.len, e);
	return r < 0 ? err_ctx(e, r, "fetch of '%s'", operands[0]) : 0;
}
