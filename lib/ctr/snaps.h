/* snaps.h - snapshots by key, as containerd's users work with them.
 *
 * A key is that of a snapshot which a user made; the id of a container, for its
 * own layer; or the diff id of a layer of an image.  Each layer is a snapshot
 * of its own, so a parent is not one but a list of them, lowest first: what an
 * image has, or a committed snapshot on top of its parents.
 *
 * Errors: -ENOENT no such key; -EINVAL what cannot be a parent; -EBUSY it is
 * one of others, or a container's.
 */
#pragma once

#include "lib/ctr/ctr.h"
#include "lib/ctr/layers.h"
#include "lib/snap/snap.h"
#include "lib/store/snapshots.h"

struct ctr_snap {
	struct snapshot snap;
	char *key;
	char *parent;			/* key of the topmost, or "" */
	bool is_named;			/* a user made it */
	bool is_container;
};

struct ctr_snaps {
	struct ctr_snap *v;
	size_t len;
};

#define CTR_SNAPS_INIT { .v = NULL }

void ctr_snaps_auto(struct ctr_snaps *l);

/* driver NULL: of all. */
int ctr_snaps_list(struct ctr_snaps *out, struct ctr_env *env, const char *driver,
		   struct err *e) MUST_CHECK;

/* Borrowed; NULL: there is none, and e says so. */
const struct ctr_snap *ctr_snaps_find(const struct ctr_snaps *l, const char *key,
				      struct err *e) MUST_CHECK;

/* driver NULL: the one of this machine.  "overlayfs" is containerd's word for
 * ours, overlay. */
int ctr_snap_driver(const struct snap_driver **out, struct ctr_env *env, const char *driver,
		    struct err *e) MUST_CHECK;

/* A new one; parent is a key, an image, or NULL: empty.  kind: active or view. */
int ctr_snap_prepare(struct ctr_env *env, const struct snap_driver *d, const char *key,
		     const char *parent, enum snapshot_kind kind, struct err *e) MUST_CHECK;
int ctr_snap_commit(struct ctr_env *env, const struct snap_driver *d, const char *key,
		    const char *name, struct err *e) MUST_CHECK;
int ctr_snap_remove(struct ctr_env *env, const struct snap_driver *d, const char *key,
		    struct err *e) MUST_CHECK;

/* An image's layers by the driver that l has, unpacked when they are not yet.
 * ids, whose map l borrows, are those of the default policy. */
int ctr_snap_image(struct ctr_layers *l, struct ctr_env *env, const char *image,
		   const struct ids *ids, struct err *e) MUST_CHECK;

/* A descriptor that keeps others from writing to it, committing and removing
 * it.  -EBUSY somebody has that. */
int ctr_snap_lock(struct ctr_env *env, const struct ctr_snap *s, struct err *e) MUST_CHECK;

/* Measures an active one, and notes it. */
int ctr_snap_usage(struct snap_usage *out, struct ctr_env *env, const struct ctr_snap *s,
		   struct err *e) MUST_CHECK;

/* What it has beyond its parent as the tar of a layer; all of it, when it has
 * no parent.  -EINVAL a layer of an image, which may have many.  Needs
 * libarchive: for coracle-image only (snapdiff.c). */
int ctr_snap_diff(struct ctr_env *env, const struct ctr_snap *s, int tar_fd,
		  struct err *e) MUST_CHECK;
