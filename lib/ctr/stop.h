/* stop.h - ends containers: in order, or at once.
 *
 * All take a container as ctr_get() gave it, adopt it when its shim is gone,
 * and fold the end into the row.  A container that does not run is fine.
 */
#pragma once

#include <stdint.h>

#include "lib/base/err.h"
#include "lib/ctr/ctr.h"

/* signal 0, timeout CLIENT_OWN_TIMEOUT: the container's own. */
int ctr_stop(struct ctr_env *env, struct ctr *c, int sig, uint64_t timeout_ms,
	     struct err *e) MUST_CHECK;

/* SIGKILL to all of it; returns when it is gone. */
int ctr_kill_now(struct ctr_env *env, struct ctr *c, struct err *e) MUST_CHECK;

/* Without any shim: the end of its init is the end of its pid namespace. */
int ctr_kill_init(const struct shim_page *page, struct err *e) MUST_CHECK;

/* Only sends. -ESRCH: it does not run. */
int ctr_signal_send(struct ctr_env *env, struct ctr *c, int sig, struct err *e) MUST_CHECK;

/* Waits for the end; *code -1: unknown.  timeout_ms -1: for ever. */
int ctr_wait(struct ctr_env *env, struct ctr *c, int timeout_ms, int *code,
	     struct err *e) MUST_CHECK;
