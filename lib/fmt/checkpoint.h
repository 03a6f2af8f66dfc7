/* checkpoint.h - what a saved container's images do not say of it, in the file
 * CHECKPOINT_FILE beside them:
 *
 *	stdio	its first process' standard streams, as criu names those that
 *		came from outside ("pipe:[4711]"), with the path that a file
 *		of the host has there
 *	mounts	where something of the host was mounted that is to be found
 *		again by config.json
 *	devices	where a device of the host was, and which: /dev/null over
 *		masked files, too
 *
 * Ownership: the struct owns its strings.
 * Errors: -EINVAL not such a file, with the member's name.
 */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/strv.h"

#define CHECKPOINT_FILE "coracle.json"
#define CHECKPOINT_STREAMS 3

struct checkpoint_stream {
	char *name;			/* NULL: the container's own, or closed */
	char *path;			/* NULL: no file */
};

struct checkpoint {
	struct checkpoint_stream stdio[CHECKPOINT_STREAMS];
	struct strv mounts;		/* absolute, inside */
	struct strv devices;		/* "absolute=absolute", the latter the host's */
};

#define CHECKPOINT_INIT { .mounts = STRV_INIT }

void checkpoint_clear(struct checkpoint *c);

static inline void checkpoint_auto(struct checkpoint *c)
{
	checkpoint_clear(c);
}

int checkpoint_parse(struct checkpoint *out, const char *json, size_t len,
		     struct err *e) MUST_CHECK;
void checkpoint_print(const struct checkpoint *c, struct buf *out);
