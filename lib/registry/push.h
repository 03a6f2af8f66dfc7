/* push.h - one object into a repository: a manifest or index under its name,
 * anything else as a blob (distribution-spec "Push").
 *
 * It asks first whether the object is there; what is there is not sent.  A
 * blob is sent as a whole to the place that the registry gives for it.  A
 * transfer that failed begins with a new place, at the first byte: what a
 * registry kept of the old one cannot be known.  That place may be on another
 * host, under the rules for redirects (see client.h): no Authorization goes
 * there.
 *
 * WHO VERIFIES: the registry, against desc's digest; bytes that are others are
 * refused (-EPROTO), and what it says it took must be what was sent.
 */
#pragma once

#include "lib/base/err.h"
#include "lib/fmt/desc.h"
#include "lib/fmt/ref.h"
#include "lib/registry/client.h"

struct push_source {
	/* All len bytes from offset on, which lie within desc's size; asked for
	 * in order, and again from 0 after a failure.  A negative answer with e
	 * set ends this push with that error. */
	int (*read)(void *arg, uint64_t offset, void *data, size_t len, struct err *e);

	/* As a fetch's. */
	void (*done)(void *arg, int result, struct err *why);
};

/* Queues an object for ref's repository; counts as a fetch for registry_step().
 * desc is copied, its media type says what the object is.  A manifest gets
 * ref's tag, unless ref has none or the digest of another. */
int registry_push_add(struct registry *reg, const struct ref *ref,
		      const struct desc *desc, const struct push_source *source,
		      void *arg, struct err *e) MUST_CHECK;
