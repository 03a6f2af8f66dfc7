/* why.h - what keeps an object of the store alive: the rules of gc.h, asked of
 * one object.
 *
 * An object is what labels are of: an image, a container, a volume and a lease
 * are there until somebody removes them; a blob and a snapshot as long as
 * something holds them.
 *
 * Ownership: strings belong to the struct.
 */
#pragma once

#include <stddef.h>

#include "lib/store/store.h"

struct holder {
	enum label_kind kind;
	char *ns;			/* "" where namespaces do not matter */
	char *object;			/* a name, a digest, or of snapshots and leases digits */
	char *how;			/* it holds: "is made of it" */
};

struct holders {
	struct holder *v;
	size_t len;
};

#define HOLDERS_INIT { .v = NULL }

void holders_auto(struct holders *l);

/* What holds it directly; of a kind that needs no holder, none. */
int why_held(struct holders *out, struct store *s, enum label_kind kind, const char *object,
	     struct err *e) MUST_CHECK;
