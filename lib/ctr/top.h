/* top.h - the processes of a running container, as the host's /proc has them.
 *
 * A process belongs to the container when its pid namespace is that of the
 * container's init or below it.  Nothing of the container is executed or
 * trusted for more than text (RELIABILITY B8): names come from the kernel and
 * from the processes' own memory, which may hold anything.
 *
 * Ids are those inside the container; ID_NONE where the id map has none.
 * Errors: -ESRCH the container does not run, or ended while we looked.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"
#include "lib/ctr/ctr.h"

struct top_proc {
	pid_t pid, ppid;		/* as the host numbers them */
	pid_t inner_pid;		/* inside; 0: unknown */
	uint32_t uid, gid;
	uint64_t started_ns;		/* wall clock */
	uint64_t cpu_ms;		/* used so far, user and system */
	unsigned percent;		/* of one processor since it started */
	uint64_t rss, vsz;		/* bytes */
	char state;			/* 'S', 'R' ... */
	char tty[16];			/* "pts/0", "?" */
	char name[32];			/* the kernel's */
	char *command;			/* with arguments, or "[name]" */
};

struct top {
	struct top_proc *v;		/* by pid */
	size_t len;
};

#define TOP_INIT { .v = NULL }

void top_clear(struct top *t);

static inline void top_auto(struct top *t)
{
	top_clear(t);
}

int ctr_top(struct top *out, struct ctr_env *env, const struct ctr *c,
	    struct err *e) MUST_CHECK;
