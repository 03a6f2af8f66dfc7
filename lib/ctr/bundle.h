/* bundle.h - all that is needed to start a container, in memory.
 *
 * create makes one, start loads it again from the row and config.json; the
 * plan is compiled from it.
 *
 * Ownership: the struct owns everything.
 */
#pragma once

#include "lib/base/err.h"
#include "lib/ctr/config.h"
#include "lib/ctr/ctr.h"
#include "lib/fmt/ocistate.h"
#include "lib/fmt/spec.h"
#include "lib/fmt/user.h"
#include "lib/snap/snap.h"
#include "rootless/idmap.h"

struct ctr_bundle {
	char *id;
	char *name;
	struct ctr_config config;
	struct spec spec;
	struct ids ids;
	struct rootfs rootfs;
	uint64_t marked_ns;		/* the row says running since then; 0: not */
};

void ctr_bundle_init(struct ctr_bundle *b);
void ctr_bundle_clear(struct ctr_bundle *b);

static inline void ctr_bundle_auto(struct ctr_bundle *b)
{
	ctr_bundle_clear(b);
}

/* From what create left behind. */
int ctr_bundle_load(struct ctr_bundle *out, struct ctr_env *env,
		    const struct container *row, struct err *e) MUST_CHECK;

/* As those outside are told of it; the pid is left to the caller. */
void ctr_bundle_state(struct oci_state *out, struct ctr_env *env,
		      const struct ctr_bundle *b);

/* How a snapshot is mounted; what out had before is freed. */
int ctr_rootfs(struct rootfs *out, struct ctr_env *env, int64_t snapshot,
	       struct err *e) MUST_CHECK;

/* A file of the root file system as a container would see it, without
 * mounting: from the topmost layer that has it.  -ENOENT */
int ctr_rootfs_read(const struct rootfs *r, const char *path, struct buf *out,
		    struct err *e) MUST_CHECK;

/* user[:group] by the passwd and group files of the root file system. */
int ctr_user(struct user *out, const struct rootfs *r, const char *spec,
	     const struct strv *more_groups, struct err *e) MUST_CHECK;
