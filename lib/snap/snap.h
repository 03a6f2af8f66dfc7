/* snap.h - snapshotters: how layers become a root file system.
 *
 * A driver works on directories below one base directory and knows no
 * database: who exists, and in which order, is the store's business.
 *
 *   BASE/<driver>/<id>/fs     a layer, or the upper directory of a container
 *   BASE/<driver>/<id>/work   overlay's scratch space, of containers only
 *
 * "overlay" and "fuse-overlayfs" keep every layer in a directory of its own
 * and leave the stacking to the mount, which happens inside the container's
 * mount namespace.  "native" has no mount: all layers of an image are applied
 * to one tree, and a container's is a copy of it (reflinked where the file
 * system can).  "btrfs" has trees of that kind too, each a subvolume: that of a
 * layer begins as a snapshot of the one below, that of a container as one of
 * its image, at once and without taking room.  What a driver wants of the
 * layers is its form: with SNAP_STACKED each layer is unpacked by itself, in
 * any order; with SNAP_MERGED bottom first, onto those below.  Programs of
 * others (external.h) make trees of that kind, too.
 *
 * Functions marked (child) run where the ids of the tree are mapped: in
 * enter_run() with the store's map.
 *
 * Ownership: drivers are constants; struct rootfs owns its strings.
 * Errors: -ENOTSUP: this driver cannot work here, with the reason.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/strv.h"
#include "lib/fmt/idmap.h"

enum snap_form {
	SNAP_STACKED,		/* overlay's whiteouts: 0/0 devices, user.overlay.* */
	SNAP_STACKED_FUSE,	/* fuse-overlayfs's: .wh. files */
	SNAP_MERGED,		/* plain directories */
};

enum rootfs_kind {
	ROOTFS_DIR,		/* upper is the root itself */
	ROOTFS_OVERLAY,		/* kernel overlay, option userxattr */
	ROOTFS_FUSE,		/* external program fuse-overlayfs */
};

/* All names are relative to base, which is absolute. */
struct rootfs {
	enum rootfs_kind kind;
	char *base;
	struct strv lowers;	/* topmost first; empty for ROOTFS_DIR */
	char *upper;
	char *work;		/* NULL for ROOTFS_DIR */
};

#define ROOTFS_INIT { .kind = ROOTFS_DIR }

void rootfs_clear(struct rootfs *r);

static inline void rootfs_auto(struct rootfs *r)
{
	rootfs_clear(r);
}

struct rootfs_opts {
	const char *target;		/* absolute; NULL: where no path leads */
	const char *fuse_overlayfs;	/* path of the program, or NULL */
	bool read_only;			/* upper is one more layer, and may be mounted
					 * elsewhere */
};

/* (child) Mounts it, in a mount namespace of our own; returns the root. */
int rootfs_mount(const struct rootfs *r, const struct rootfs_opts *o, struct err *e) MUST_CHECK;

/* (child) The server of a root ends with its mount; every other mount goes with
 * the mount namespace. */
void rootfs_unmount(const struct rootfs *r, const struct rootfs_opts *o);

struct snap_usage {
	uint64_t bytes;		/* allocated; hard links counted once */
	uint64_t inodes;
};

/* What a probe may use. */
struct snap_env {
	const char *base;		/* absolute, exists: DATA/snapshots */
	const struct idmap *map;	/* NULL: no user namespace possible */
	const char *fuse_overlayfs;	/* path of the program, or NULL */
	struct strv *notices;		/* told why it is not the best driver, when that
					 * was found out just now; or NULL */
};

struct snap_driver {
	const char *name;
	enum snap_form form;
	enum rootfs_kind kind;		/* how prepared directories are mounted */

	/* SNAP_MERGED: each layer of an image has a tree, a clone of that of
	 * the layer below; else there is one, of the topmost layer. */
	bool is_chained;

	/* Can it work on this file system with this map?  Tries it, in a
	 * namespace of its own.  -ENOTSUP says why not. */
	int (*probe)(const struct snap_driver *d, const struct snap_env *env, struct err *e);

	/* (child) Makes the directories of a container: base_fd is
	 * BASE/<driver>, which has them as id; lowers are ids, topmost first
	 * (SNAP_MERGED: exactly one).  Mode and owner of the root are those of
	 * the topmost layer.  The caller syncs and removes on failure. */
	int (*prepare)(const struct snap_driver *d, int base_fd, const char *id,
		       const struct strv *lowers, struct err *e);

	/* (child) SNAP_MERGED: makes dir_fd/fs, like from_fd/fs, or empty with
	 * mode 0755 when from_fd is -1. */
	int (*clone)(const struct snap_driver *d, int dir_fd, int from_fd, struct err *e);
};

extern const struct snap_driver snap_overlay;
extern const struct snap_driver snap_fuse;
extern const struct snap_driver snap_btrfs;
extern const struct snap_driver snap_native;

/* What is built in, best first, ended by NULL; the names, for people. */
extern const struct snap_driver *const snap_drivers[];
#define SNAP_NAMES "overlay, fuse-overlayfs, btrfs or native"

/* A built-in one, or a program of the user's (external.h) whether it is there
 * or not; NULL: there can be none of that name, and snap_refuse() says why. */
const struct snap_driver *snap_find(const char *name);
int snap_refuse(const char *name, struct err *e);	/* -EINVAL */

/* The first driver that works.  The answer is kept in the file cache_name of
 * cache_dirfd (-1: not kept) and believed for this boot, this map and this
 * base.  forced: NULL, or the only one to try. */
int snap_choose(const struct snap_driver **out, const struct snap_env *env,
		int cache_dirfd, const char *cache_name, const char *forced,
		struct err *e) MUST_CHECK;

/* Prepares as the driver does, in a child inside map, after making
 * BASE/<driver>; what was begun is removed again on failure. */
int snap_prepare(const struct snap_driver *d, const char *base, const char *id,
		 const struct strv *lowers, const struct idmap *map,
		 struct err *e) MUST_CHECK;

/* How it is mounted; out is empty before. */
void snap_describe(struct rootfs *out, const struct snap_driver *d, const char *base,
		   const char *id, const struct strv *lowers);

/* Removes BASE/<driver>/<id>, or what it was renamed to: dirfd and name.
 * In a child inside map. */
int snap_remove(int dirfd, const char *name, const struct idmap *map,
		struct err *e) MUST_CHECK;

/* Size of dirfd/name, counted in a child inside map. */
int snap_usage(struct snap_usage *out, int dirfd, const char *name,
	       const struct idmap *map, struct err *e) MUST_CHECK;

/* (child) Copies a tree with owners, modes, times, xattrs, hard links; data
 * by reflink where possible.  to must exist and be empty. */
int snap_copy_tree(int to_fd, int from_fd, struct err *e) MUST_CHECK;

/* (child) The same for one file, link or node: not for a directory. */
int snap_copy_one(int to_dir, const char *to_name, int from_dir,
		  const char *from_name, struct err *e) MUST_CHECK;
