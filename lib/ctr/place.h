/* place.h - a root to copy from or to, and a way to work below it.
 *
 * Private to lib/ctr.  A place is the host, or a container; place_start() runs
 * a function where the root's ids are mapped, with the root open.
 */
#pragma once

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/ctr/bundle.h"
#include "lib/ctr/ctr.h"
#include "lib/os/enter.h"

struct place {
	struct ctr_env *env;
	const struct ctr *ctr;		/* NULL: the host */
	struct ctr_bundle bundle;	/* the container's */
	bool is_mapped;			/* a host whose files get mapped ids */
	struct ids ids;
	int root_fd;			/* -1: mounted by the child */
	int userns_fd;			/* to join; -1: none */
};

void place_init(struct place *p);
void place_clear(struct place *p);

static inline void place_auto(struct place *p)
{
	place_clear(p);
}

/* keep_ids: what is written belongs to ids as containers have them. */
int place_host(struct place *out, struct ctr_env *env, bool keep_ids, struct err *e) MUST_CHECK;
int place_ctr(struct place *out, struct ctr_env *env, const struct ctr *c,
	      struct err *e) MUST_CHECK;

typedef int place_fn(int root_fd, void *arg, struct err *e);

struct place_job {
	const struct place *place;
	place_fn *fn;
	void *arg;
	int not_ours;			/* a descriptor to close in the child; -1 */
	struct enter_child child;
};

/* Starts it in a child; the job must live until place_finish(). */
int place_start(struct place_job *job, struct err *e) MUST_CHECK;
int place_finish(struct place_job *job, struct err *e) MUST_CHECK;
