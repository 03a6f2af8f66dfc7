/* ctr.h - containers as objects: what all verbs on them share.
 *
 * struct ctr_env is made once by the program and lent to every verb.  Verbs
 * never print: what a user should be told besides the result (a lower rung of
 * a ladder, a warning) is added to env->notices, each text once.
 *
 * Directories of a container:
 *   DATA/containers/NS/ID   config.json, hosts, resolv.conf, hostname, log, exit
 *   RUN/NS/ID               status page, socket, fifos: gone after a reboot
 */
#pragma once

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/strv.h"
#include "lib/fmt/shimmsg.h"
#include "lib/store/containers.h"

struct store;
struct ids;

struct ctr_env {
	struct store *store;
	const char *ns;
	const char *data_dir;		/* as the store was opened with */
	const char *run_dir;		/* absolute: RUN */
	const char *run_fallback;	/* RUN's stand-in when that goes; NULL none */
	const char *cache_dir;
	const char *self;		/* our programs, absolute */
	const char *image_program;
	const char *shim_program;
	const char *net_program;
	const char *oci_program;
	const char *scope_program;
	const char *fuse_program;	/* fuse-overlayfs, or NULL */
	struct strv notices;
	struct ids *ids;		/* of the default policy, once chosen; owned */
};

void ctr_env_clear(struct ctr_env *env);

void ctr_notice(struct ctr_env *env, const char *fmt, ...) PRINTF(2, 3);

/* The id map of a policy; that of the default one is looked up once. */
struct ctr_config;
int ctr_ids(struct ctr_env *env, const struct ctr_config *c, struct ids *out,
	    struct err *e) MUST_CHECK;

/* RUN/NS/ID, made with mode 0700 when create is set. -ENOENT */
int ctr_run_dir(const struct ctr_env *env, const char *id, bool create,
		struct err *e) MUST_CHECK;

/* A container by name, id or prefix, as it is now: the end of a run that
 * nobody folded into the database yet is folded.  page is filled when it is
 * running (page->magic != 0), else zero.  -ENOENT has the hint. */
struct ctr {
	struct container row;
	struct shim_page page;
	bool is_starting;		/* somebody is at it, and has no init yet */
	bool is_running;		/* its init lives */
	bool is_orphan;			/* it runs without a shim */
};

#define CTR_INIT { .row = CONTAINER_INIT }

void ctr_clear(struct ctr *c);

static inline void ctr_auto(struct ctr *c)
{
	ctr_clear(c);
}

int ctr_get(struct ctr *out, struct ctr_env *env, const char *text,
	    struct err *e) MUST_CHECK;

/* The same for a row that was read already; takes the row's contents. */
int ctr_look(struct ctr *out, struct ctr_env *env, struct container *row,
	     struct err *e) MUST_CHECK;

/* For those that look at every container: one that was removed since it was
 * listed is passed over.  r, or 0 for -ENOENT. */
static inline int ctr_unless_gone(int r, struct err *e)
{
	if (r != -ENOENT)
		return r;
	err_clear(e);
	return 0;
}

/* "created", "running", "paused", "exited" */
const char *ctr_state_name(const struct ctr *c);

/* The directory of a running one's cgroup.  -EOPNOTSUPP: it has none of its
 * own, key "cgroup.none"; -ESRCH: it does not run. */
int ctr_cgroup(const struct ctr *c, struct err *e) MUST_CHECK;

/* Is it frozen now? */
bool ctr_is_paused(const struct ctr *c);

/* -EBUSY, key "container.paused". */
int ctr_refuse_paused(const struct ctr *c, struct err *e) MUST_CHECK;

/* A running container has a shim again after this. */
int ctr_adopt(struct ctr *c, struct ctr_env *env, struct err *e) MUST_CHECK;
