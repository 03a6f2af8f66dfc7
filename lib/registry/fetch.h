/* fetch.h - many blobs at once, straight from the socket to a sink.
 *
 * A fetch delivers the bytes [offset, size) of one blob in order, each exactly
 * once, whatever happened on the way: a cut transfer goes on by Range, and a
 * server that ignores Range is read again with the known part skipped.
 * Nothing past the announced size is delivered; a Content-Length or
 * Content-Range that contradicts it fails before the first write.
 *
 * WHO VERIFIES: the sink.  The registry checks lengths, not digests: done(0)
 * says that exactly size - offset bytes were delivered.  Whoever writes the
 * bytes hashes them (from byte 0, also the part that was there before), and on
 * a mismatch throws all of them away.
 *
 * The sink runs inside the loop, so it must be quick.  data is curl's own
 * buffer, valid during the call only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/fmt/desc.h"
#include "lib/fmt/ref.h"
#include "lib/registry/client.h"

struct fetch_sink {
	/* The next bytes.  A negative answer with e set ends this fetch with
	 * that error; other fetches go on. */
	int (*write)(void *arg, const void *data, size_t len, struct err *e);

	/* Called exactly once, also after registry_stop().  result is 0 or the
	 * code in why, which is the sink's to read or move. */
	void (*done)(void *arg, int result, struct err *why);
};

/* Queues a blob of ref's repository.  desc is copied; a size of
 * REGISTRY_ANY_SIZE is as the registry says, of any other it must not differ.
 * offset: how many bytes the sink already has, at most desc->size. */
#define REGISTRY_ANY_SIZE UINT64_MAX
int registry_fetch_add(struct registry *reg, const struct ref *ref,
		       const struct desc *desc, uint64_t offset,
		       const struct fetch_sink *sink, void *arg,
		       struct err *e) MUST_CHECK;
