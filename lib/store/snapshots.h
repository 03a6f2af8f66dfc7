/* snapshots.h - layers and upper directories: rows and where they lie.
 *
 * A snapshot is the directory snapshots/DRIVER/ID; what is inside is the
 * driver's business (lib/snap).  Ids are never used twice.
 *
 *   layer    one layer of images, unpacked under one id map; found by
 *            (driver, diff id, map key); never changes once ready
 *   active   what a container writes to
 *   view     read-only over layers
 *
 * A layer is unpacked in snapshots/DRIVER/ID.staging and becomes ready by
 * snapshot_publish(): one sync of the file system for all layers of an image,
 * renames, one sync of the directory, rows.  Until then it belongs to a lease
 * and goes with it.
 *
 * Ownership: strings and arrays belong to the struct; descriptors to the
 * caller.  Errors: -ENOENT no such snapshot; -EBUSY it is a parent of others;
 * -ESTALE a parent is gone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/proc.h"
#include "lib/fmt/digest.h"
#include "lib/store/lease.h"
#include "lib/store/store.h"

enum snapshot_kind {
	SNAPSHOT_LAYER = 1,
	SNAPSHOT_ACTIVE,
	SNAPSHOT_VIEW,
};

/* In front of the map key of a layer: lost, and what lies on it waits for its
 * successor; unpacked for a check to compare with. */
#define LAYER_LOST "lost:"
#define LAYER_TRIAL "trial:"

/* Layers that nothing lies on stay for as many id maps (and drivers), those
 * used last; under another map they are unpacked again. */
#define LAYER_MAPS_KEPT "8"

struct snapshot {
	int64_t id;
	enum snapshot_kind kind;
	bool is_ready;
	char *driver;
	char *map;			/* idmap_key() */
	struct digest diff_id;		/* of layers */
	uint64_t size;
	uint64_t inodes;
	uint64_t created_ns;
	int64_t *parents;		/* layers, lowest first; not of layers */
	size_t parent_count;
};

#define SNAPSHOT_INIT { .id = 0 }

struct snapshots {
	struct snapshot *v;
	size_t len;
};

#define SNAPSHOTS_INIT { .v = NULL }

void snapshot_clear(struct snapshot *s);
void snapshots_clear(struct snapshots *l);

static inline void snapshot_auto(struct snapshot *s)
{
	snapshot_clear(s);
}

static inline void snapshots_auto(struct snapshots *l)
{
	snapshots_clear(l);
}

int snapshot_get(struct snapshot *out, struct store *s, int64_t id,
		 struct err *e) MUST_CHECK;

/* The ready layer, or -ENOENT.  l, when not NULL, pins it at once. */
int snapshot_find_layer(int64_t *id, struct store *s, const char *driver,
			const struct digest *diff_id, const char *map,
			const struct lease *l, struct err *e) MUST_CHECK;

/* All, without parents; driver NULL: of every driver. */
int snapshot_list(struct snapshots *out, struct store *s, const char *driver,
		  struct err *e) MUST_CHECK;

enum snapshot_answer {
	SNAPSHOT_MAKE = 0,	/* ours to unpack into fd */
	SNAPSHOT_EXISTS,	/* ready, and pinned by the lease now */
	SNAPSHOT_FOLLOW,	/* owner is unpacking it: wait for its end, ask again */
};

struct snapshot_staging {
	int64_t id;
	int fd;			/* ID.staging, empty, 0700; of SNAPSHOT_MAKE */
	struct proc_id owner;	/* of SNAPSHOT_FOLLOW; pid 0: not visible */
};

#define SNAPSHOT_STAGING_INIT { .fd = -1 }

/* Returns an enum snapshot_answer. */
int snapshot_begin_layer(struct snapshot_staging *out, struct store *s,
			 const struct lease *l, const char *driver,
			 const struct digest *diff_id, const char *map,
			 struct err *e) MUST_CHECK;

/* A layer that is being unpacked gets another map key.  -EEXIST there is one
 * of that key; -ESTALE it was rolled back. */
int snapshot_refile(struct store *s, int64_t id, const char *map,
		    struct err *e) MUST_CHECK;

/* What unpacking one layer gave. */
struct snapshot_done {
	int64_t id;
	uint64_t size;
	uint64_t inodes;
};

/* Makes layers ready, together.  On failure none is, and they are discarded. */
int snapshot_publish(struct store *s, const struct snapshot_done *done,
		     size_t count, struct err *e) MUST_CHECK;

/* An active snapshot or view over layers, with its empty directory.  Meant to
 * be called in the transaction that also makes the container.  *fd, when fd
 * is not NULL, is the directory. */
int snapshot_create(int64_t *id, int *fd, struct store *s,
		    enum snapshot_kind kind, const char *driver,
		    const char *map, const int64_t *parents, size_t count,
		    struct err *e) MUST_CHECK;

int snapshot_set_usage(struct store *s, int64_t id, uint64_t size,
		       uint64_t inodes, struct err *e) MUST_CHECK;

/* The directory of a snapshot that is ready. */
int snapshot_open(struct store *s, const char *driver, int64_t id,
		  struct err *e) MUST_CHECK;

/* Row first, then the directory goes to the trash. */
int snapshot_remove(struct store *s, int64_t id, struct err *e) MUST_CHECK;
