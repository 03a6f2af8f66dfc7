/* snapnames.h - snapshots that users made, by key.
 *
 * A key is unique in its namespace and driver, as containerd has it.  The
 * snapshot behind it is a row of snapshots.h like any other: active or a view,
 * or, once committed, a layer without a diff id, over the same parents.  What
 * GC must leave alone has the label LABEL_GC_ROOT.
 *
 * Ownership: strings belong to the struct.  Errors: -ENOENT no such key;
 * -EEXIST it is taken.
 */
#pragma once

#include <stdint.h>

#include "lib/store/snapshots.h"

struct snapname {
	int64_t id;
	char *driver;
	char *key;
};

struct snapnames {
	struct snapname *v;
	size_t len;
};

#define SNAPNAMES_INIT { .v = NULL }

void snapnames_auto(struct snapnames *l);

/* driver NULL: of all, sorted by driver and key. */
int snapname_list(struct snapnames *out, struct store *s, const char *ns,
		  const char *driver, struct err *e) MUST_CHECK;
int snapname_find(int64_t *id, struct store *s, const char *ns, const char *driver,
		  const char *key, struct err *e) MUST_CHECK;
int snapname_put(struct store *s, const char *ns, const char *driver, const char *key,
		 int64_t id, struct err *e) MUST_CHECK;

/* An active snapshot becomes a layer, durably, and its key another one.
 * -EINVAL: it is not active.  Not in a transaction. */
int snapname_commit(struct store *s, const char *ns, const struct snapname *from,
		    const char *key, const struct snapshot_done *done,
		    struct err *e) MUST_CHECK;
