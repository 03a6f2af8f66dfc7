/* pause.h - a container stands still: until a user lets it go on, or while
 * something is done.
 *
 * Whoever does something may be killed meanwhile: a helper of our own, started
 * before, reads from a pipe that ends with us and then thaws the cgroup.  What
 * a user has paused is thawed by the shim, too, when it is sent a signal.
 *
 * Errors: as ctr_cgroup(); -ETIMEDOUT it did not freeze, and goes on.
 */
#pragma once

#include "lib/base/err.h"
#include "lib/base/proc.h"
#include "lib/ctr/ctr.h"

/* on: freezes, else thaws.  -EALREADY: it is so. */
int ctr_freeze(struct ctr_env *env, const struct ctr *c, bool on, struct err *e) MUST_CHECK;

struct ctr_pause {
	struct proc helper;
	int pipe;			/* the helper waits for its end */
	int cgroup;
};

#define CTR_PAUSE_INIT { .helper = PROC_INIT, .pipe = -1, .cgroup = -1 }

/* One that is frozen already stays as it is, and *out empty. */
int ctr_pause(struct ctr_pause *out, struct ctr_env *env, const struct ctr *c,
	      struct err *e) MUST_CHECK;

/* False: a signal has let it go on.  True of an empty one. */
bool ctr_pause_lasts(const struct ctr_pause *p);

/* Returns when it runs again; an empty one is fine. */
void ctr_pause_end(struct ctr_pause *p);

static inline void ctr_pause_auto(struct ctr_pause *p)
{
	ctr_pause_end(p);
}

/* The helper's part: waits for the end of fd, then thaws the cgroup. */
int ctr_pause_help(int fd, const char *cgroup, struct err *e) MUST_CHECK;
