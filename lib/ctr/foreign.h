/* foreign.h - containers that another OCI runtime makes: crun, runc, runsc ...
 *
 * How it works.  Our own runtime makes what surrounds such a container: user
 * namespace and id map, cgroup, network, and a mount namespace that shows the
 * host's files.  Its init has the other runtime create and start the container
 * there, from a bundle, becomes the parent of the container's first process,
 * hands signals on to it and ends as it does.  So shim, log, exit record,
 * network helper and cgroup are those of any container, and the bundle has
 * neither a user nor a network namespace, no cgroup and no limits.
 *
 * In RUN/NS/ID:
 *   bundle    config.json, and what the runtime leaves: pid, log
 *   exec-*    process.json, pid and log of a process that is being joined
 *   foreign   inside only, a tmpfs that ends with the container: the runtime's
 *             state, the root file system, hosts, resolv.conf, hostname
 *
 * Errors: those of the runtime, in its own words, as far as it left any.
 */
#pragma once

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/ctr/bundle.h"
#include "lib/ctr/ctr.h"
#include "lib/runtime/plan.h"

#define FOREIGN_BUNDLE "bundle"

/* o: as for a container of our own; root and files become those inside. */
int foreign_plan(struct buf *out, struct ctr_env *env, const struct ctr_bundle *b,
		 const struct plan_options *o, struct err *e) MUST_CHECK;

/* What the runtime will read, in RUN/NS/ID. */
int foreign_prepare(struct ctr_env *env, const struct ctr_bundle *b, int run_fd,
		    struct err *e) MUST_CHECK;

/* The plan of one more process, b's; dir: a directory in RUN/NS/ID for it, made
 * here and removed by the caller. */
int foreign_plan_exec(struct buf *out, struct ctr_env *env, struct ctr_bundle *b,
		      int run_fd, const char *dir, struct plan_exec_options *o,
		      struct err *e) MUST_CHECK;

/* Of a call that failed: gives the error the runtime's own words, and the
 * shell's exit status for it. */
void foreign_explain(const struct ctr_bundle *b, int run_fd, const char *dir,
		     int *exit_status, struct err *e);

/* Where /proc has the container's first process: "123" for ours,
 * "123/root/proc/4" for another runtime's.  The caller frees it. */
char *foreign_process(const struct ctr_env *env, const struct ctr *c);

/* Does the runtime keep the container's processes and files to itself? */
bool foreign_is_sandbox(const char *runtime);
