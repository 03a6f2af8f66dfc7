/* remove.h - the end of a container, and what it leaves behind.
 *
 * Errors: -EBUSY it runs (and force is not set), key "container.running".
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/ctr/ctr.h"
#include "lib/store/gc.h"

struct ctr_remove_opts {
	bool force;			/* kill it first */
	bool volumes;			/* its anonymous volumes too */
};

/* What the boot would take anyway, then rows, then directories to the trash,
 * then the trash with a small budget; what is left of that is reaped by a
 * process in the background. */
int ctr_remove(struct ctr_env *env, struct ctr *c, const struct ctr_remove_opts *o,
	       struct err *e) MUST_CHECK;

/* Temporary containers that have ended and whose shim and caller were killed
 * before they could remove them, of all namespaces. */
int ctr_remove_forsaken(struct ctr_env *env, struct err *e) MUST_CHECK;

/* Empties the trash; 0: until it is empty.  Returns what is left. */
int ctr_reap(struct ctr_env *env, uint64_t budget_ns, struct err *e) MUST_CHECK;

/* ctr_reap() for a moment, and a background process when there is more. */
void ctr_reap_soon(struct ctr_env *env);

/* What nothing refers to any more goes, for a moment; the rest and the trash
 * go in the background. */
int ctr_collect_soon(struct ctr_env *env, struct err *e) MUST_CHECK;

/* The same to its end, except for the trash: *out says what went. */
int ctr_collect(struct gc_result *out, struct ctr_env *env, struct err *e) MUST_CHECK;
