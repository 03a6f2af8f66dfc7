/* content ingest and fetch: blobs come in without becoming layers. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bin/image_args.h"
#include "bin/image_env.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/image/stream.h"
#include "lib/store/content.h"

static int copy_in(struct content_ingest *in, struct hash *h, uint64_t *size, struct err *e)
{
	AUTO_FREE char *chunk = mem_zero(1, MIB(1));
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read(STDIN_FILENO, chunk, MIB(1))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read standard input");
		hash_add(h, chunk, (size_t)n);
		*size += (uint64_t)n;
		r = content_ingest_write(in, chunk, (size_t)n, e);
	}
	return r;
}

/* Does it come up to what was promised? */
static int compare(const struct ingest_args *a, const struct digest *d, uint64_t size,
		   struct err *e)
{
	char text[DIGEST_TEXT_MAX];
	struct digest want;
	uint64_t bytes;
	int r = 0;

	digest_print(d, text);
	if (a->expected_size) {
		r = num_u64(a->expected_size, 0, INT64_MAX, &bytes, e);
		if (r == 0 && bytes != size)
			r = err_set(e, EBADMSG, "standard input has %llu bytes, not %llu",
				    (unsigned long long)size, (unsigned long long)bytes);
	}
	if (r == 0 && a->expected_digest) {
		r = digest_parse(&want, a->expected_digest, strlen(a->expected_digest), e);
		if (r == 0 && !digest_eq(&want, d))
			r = err_set(e, EBADMSG, "standard input is '%s', not '%s'", text,
				    a->expected_digest);
	}
	return r;
}

static int take_in(struct digest *out, struct app *app, const struct lease *l,
		   const struct ingest_args *a, struct err *e)
{
	AUTO(content_ingest) struct content_ingest in = CONTENT_INGEST_INIT;
	AUTO(hash) struct hash *h = hash_new(DIGEST_SHA256);
	uint64_t size = 0;
	int r = content_ingest_begin(&in, app->store, l, NULL, UINT64_MAX, e);

	if (r == 0)
		r = copy_in(&in, h, &size, e);
	if (r == 0) {
		hash_end(h, out);
		r = compare(a, out, size, e);
	}
	if (r < 0) {
		content_ingest_abort(&in, false);
		return r;
	}
	r = content_ingest_commit(&in, out, size, e);
	return r < 0 ? r : content_barrier(app->store, e);
}

int content_ingest_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		       struct err *e)
{
	const struct ingest_args *a = args;
	AUTO(lease) struct lease lease = LEASE_INIT;
	char text[DIGEST_TEXT_MAX];
	struct digest d;
	int r = app_store(app, e);

	if (r == 0)
		r = lease_begin(&lease, app->store, "ingest", e);
	if (r == 0)
		r = take_in(&d, app, &lease, a, e);
	if (r < 0)
		return r;
	digest_print(&d, text);
	/* Before the lease ends: then only labels keep it. */
	r = label_change(app->store, app->ns, LABEL_CONTENT, text, &a->labels, e);
	if (r == 0)
		app_printf(app, "%s\n", text);
	return r;
}
