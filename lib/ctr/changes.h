/* changes.h - what a container changed in its root file system.
 *
 * Its snapshot and the layers below are read as they lie on disk, by a child
 * in the container's id map; the container may run, and nothing is mounted.
 *
 * Ownership: struct ctr_trees owns its descriptors and the bundle.
 * Errors: -EOPNOTSUPP a container of --rootfs, which has nothing below it.
 */
#pragma once

#include <time.h>

#include "lib/base/err.h"
#include "lib/base/limits.h"
#include "lib/base/strv.h"
#include "lib/ctr/bundle.h"
#include "lib/ctr/ctr.h"
#include "lib/image/diff.h"
#include "lib/image/tarput.h"
#include "lib/store/snapshots.h"

struct ctr_trees {
	struct ctr_bundle bundle;
	enum snap_form form;
	int upper_fd;			/* each is a directory that has "fs" */
	int lower_fds[MAX_LAYERS];	/* topmost first */
	size_t lower_count;
	struct strv places;		/* where the container has mounts */
	struct timespec since;		/* it can have written anything */
};

void ctr_trees_init(struct ctr_trees *t);
void ctr_trees_clear(struct ctr_trees *t);

static inline void ctr_trees_auto(struct ctr_trees *t)
{
	ctr_trees_clear(t);
}

int ctr_trees_open(struct ctr_trees *out, struct ctr_env *env, const struct ctr *c,
		   struct err *e) MUST_CHECK;

/* Of a snapshot that is no container's, and without the bundle. */
int ctr_trees_snapshot(struct ctr_trees *out, struct ctr_env *env, const struct snapshot *snap,
		       struct err *e) MUST_CHECK;

/* (child) diff_walk() over them: in enter_run() with the bundle's map. */
int ctr_trees_walk(const struct ctr_trees *t, diff_fn *fn, void *arg,
		   struct err *e) MUST_CHECK;

/* (child) The same as the tar of a layer.  Needs libarchive: in lib/ctr/commit.c,
 * for coracle-image only. */
int ctr_trees_write(const struct ctr_trees *t, int tar_fd, const struct tarput_opts *put,
		    struct err *e) MUST_CHECK;

/* Appends "A/etc/file", sorted by path; the letter is an enum diff_kind. */
int ctr_changes(struct strv *out, struct ctr_env *env, const struct ctr *c,
		struct err *e) MUST_CHECK;
