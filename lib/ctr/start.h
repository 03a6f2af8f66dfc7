/* start.h - starts a container: plan, cgroup, shim.
 *
 * On return the container's program runs, or nothing of it does.  The client
 * is attached with the streams that were asked for.
 *
 * Errors: the step of the plan in words.  *exit_status then is what the shell
 * expects of run: 127 the program was not found, 126 it cannot be executed,
 * 125 anything else.
 */
#pragma once

#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/id.h"
#include "lib/ctr/bundle.h"
#include "lib/ctr/client.h"
#include "rootless/delegate.h"

#define EXIT_STATUS_TOOL 125

/* A start that has begun before its container is there. */
struct ctr_prepared {
	struct client shim;
	struct delegated cgroup;
	char id[ID_LEN + 1];		/* of the container to be, ctr_create_in */
};

#define CTR_PREPARED_INIT { .shim = CLIENT_INIT, .cgroup = DELEGATED_INIT }

void ctr_prepared_auto(struct ctr_prepared *p);

struct ctr_start_opts {
	struct ctr_prepared *prepared;	/* for this container; taken over */
	uint32_t streams;		/* SHIM_ATTACH_*; 0: detached */
	uint16_t rows, cols;		/* of the terminal; 0: unknown */
};

/* Starts a shim for a container that is about to be made from this config: it
 * begins with namespaces and id maps meanwhile, where they can be known.  The
 * store is not needed. */
int ctr_prepare(struct ctr_prepared *out, struct ctr_env *env,
		const struct ctr_config *c, struct err *e) MUST_CHECK;

int ctr_start(struct client *out, struct ctr_env *env, struct ctr_bundle *b,
	      const struct ctr_start_opts *o, int *exit_status, struct err *e) MUST_CHECK;

/* The row says that it runs, and who starts it: what ctr_start() does first,
 * for a caller that has a transaction open. */
int ctr_mark_started(struct ctr_env *env, struct ctr_bundle *b, struct err *e) MUST_CHECK;

/* The plan that ctr_start() would hand to the shim. */
int ctr_plan(struct buf *out, struct ctr_env *env, const struct ctr_bundle *b,
	     struct err *e) MUST_CHECK;

/* A new shim for a running container that lost its own; cgroup: as its page
 * says. */
int ctr_start_adopt(struct ctr_env *env, const struct ctr_bundle *b,
		    const char *cgroup, struct err *e) MUST_CHECK;

/* The ports as published, host ports filled in: "PORTS" of a running one. */
int ctr_published(struct ports *out, struct ctr_env *env, const char *id,
		  struct err *e) MUST_CHECK;
