/* store.h - opens what is on disk: the directories, the lock, the database.
 *
 * Layout below the root (all 0700, DESIGN.md section 4):
 *
 *   lock            flock: shared by every call, exclusive for reset
 *   meta.db         sqlite in WAL mode; the only truth about what exists
 *   content/        the blobs, an OCI image layout          content.h
 *   snapshots/      DRIVER/ID/, layers and upper layers     snapshots.h
 *   volumes/        NS/NAME/_data                           volumes.h
 *   containers/     NS/ID/                                  containers.h
 *   trash/          renamed here first, reaped later        gc.h
 *
 * A root whose file system cannot hold the database (NFS and its kin) keeps
 * only content/; the rest goes to the local directory of the options, and the
 * file "split" in the root says where.  A second machine that shares the root
 * finds nothing there and begins with an empty database; both adopt each
 * other's blobs, and what one removes the other has to fetch again.
 *
 * Order on disk: files first and synced, row last; row first when deleting,
 * then the rename into trash/.  A row that exists can be relied on.
 *
 * Transactions nest: a function that writes joins the transaction that is
 * open, and the outermost decides what commit means.  Keep them below a
 * millisecond: no network, copying, waiting or child process inside.
 *
 * Functions that move files to the trash (every x_remove, lease_end) or wait
 * for the disk (content_barrier and what calls it) assert that no transaction
 * is open.
 *
 * Ownership: struct store belongs to who opened it, is for one process and
 * must not be used after fork(): a child execs or leaves it alone.  Who is
 * going to wait long (logs -f, attach) closes it first: a reset or an upgrade
 * waits for all that have it open.
 * Errors of every function that uses the database, beside its own: -EBUSY
 * the database stayed locked for 30 s; -ENOSPC; -EIO; -EBADMSG the database
 * is damaged; -EROFS the store is read-only; -ESTALE what the caller saw
 * before is gone: look again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/strv.h"

struct store;

struct store_options {
	const char *root;	/* absolute: the data directory */
	const char *local;	/* absolute: for what root cannot hold; may be NULL.
				 * Nobody else may write to it */
	bool create;		/* make what is missing; else -ENOENT */
	bool exclusive;		/* alone: reset, repair; waits for the others */
	bool rebuild;		/* with an empty database, exclusive and create; what
				 * there was is kept as meta.db.old (rebuild.h) */
	bool read_only;		/* as it is on a read-only file system anyway */
	bool split;		/* use local even when root could hold all */
};

/* -ENOENT no store there and create not set; -EPERM the directory is not
 * ours or others may write to it (for a new store, also above it);
 * -EPROTONOSUPPORT made by a newer version;
 * -EUCLEAN its database is lost, or a rebuild was cut off; with rebuild,
 * -EEXIST it is whole;
 * -EOPNOTSUPP root's file system lacks what we need and local is NULL, or its
 * lacks that, too. */
int store_open(struct store **out, const struct store_options *o,
	       struct err *e) MUST_CHECK;
void store_close(struct store *s);			/* NULL is fine */

static inline void store_auto(struct store **s)
{
	store_close(*s);
	*s = NULL;
}

/* What the user should be told once: the store was made in two places, a
 * reboot was found, ...  Borrowed. */
const struct strv *store_notices(const struct store *s);

/* The boot that this process runs in. */
const char *store_boot(const struct store *s);

/* In the root while a reset is at it: a database that is gone is no loss then. */
#define STORE_RESETTING "resetting"

/* There too, to be given up by who removes something from a full disk. */
#define STORE_BALLAST_FILE "ballast"

enum store_dir {
	STORE_DIR_ROOT,		/* where lock and meta.db are */
	STORE_DIR_CONTENT,
	STORE_DIR_INGEST,	/* content/ingest */
	STORE_DIR_SNAPSHOTS,
	STORE_DIR_VOLUMES,
	STORE_DIR_CONTAINERS,
	STORE_DIR_TRASH,
	STORE_DIR_COUNT,
};

/* A descriptor that the store keeps, opened when first asked for. */
int store_dir(struct store *s, enum store_dir d, struct err *e) MUST_CHECK;

/* The absolute path of the same, for mounts and for people.  Borrowed. */
const char *store_dir_path(const struct store *s, enum store_dir d);

/* Renames dirfd/name into trash/.  A missing name is fine. */
int store_trash(struct store *s, int dirfd, const char *name,
		struct err *e) MUST_CHECK;

enum store_sync {
	STORE_FAST,		/* survives kill -9: container state */
	STORE_DURABLE,		/* survives a power cut: what a user was told is safe */
};

struct store_tx {
	struct store *store;	/* NULL: not open */
};

#define STORE_TX_INIT { .store = NULL }

int store_begin(struct store_tx *out, struct store *s, enum store_sync sync,
		struct err *e) MUST_CHECK;
int store_commit(struct store_tx *tx, struct err *e) MUST_CHECK;
void store_rollback(struct store_tx *tx);	/* one that is not open is fine */

static inline void store_tx_auto(struct store_tx *tx)
{
	store_rollback(tx);
}

/* Who changes many images writes content/index.json once, when the last hold
 * ends; killed before that, it is as old as after a kill behind a commit. */
struct store_hold {
	struct store *store;
};

void store_hold_index(struct store_hold *out, struct store *s);
void store_hold_auto(struct store_hold *h);

/* --- namespaces: names are isolated, blobs and layers are shared --- */

#define STORE_NS_DEFAULT "default"

/* They begin with their first use; "default" is always listed. */
int store_ns_list(struct strv *out, struct store *s, struct err *e) MUST_CHECK;
int store_ns_create(struct store *s, const char *ns, struct err *e) MUST_CHECK;

/* -EBUSY while anything is in it. */
int store_ns_remove(struct store *s, const char *ns, struct err *e) MUST_CHECK;

/* --- labels: "key=value" of an object of a namespace ---
 *
 * GC reads containerd's (gc.h). */

#define LABEL_GC_ROOT "containerd.io/gc.root"
#define LABEL_GC_FLAT "containerd.io/gc.flat"
#define LABEL_GC_EXPIRE "containerd.io/gc.expire"

/* On disk: never renumbered. */
enum label_kind {
	LABEL_CONTAINER = 1,	/* object: its id */
	LABEL_VOLUME,		/* name */
	LABEL_NAMESPACE,	/* "" */
	LABEL_IMAGE,		/* name */
	LABEL_CONTENT,		/* digest */
	LABEL_SNAPSHOT,		/* id, in digits */
	LABEL_LEASE,		/* id, in digits */
};

int label_list(struct strv *out, struct store *s, const char *ns,
	       enum label_kind kind, const char *object, struct err *e) MUST_CHECK;

/* Each "key=value" of v is set; "key=" and "key" remove the label, as ctr
 * has it. */
int label_change(struct store *s, const char *ns, enum label_kind kind,
		 const char *object, const struct strv *v, struct err *e) MUST_CHECK;

/* value NULL removes the label. */
int label_set(struct store *s, const char *ns, enum label_kind kind,
	      const char *object, const char *key, const char *value,
	      struct err *e) MUST_CHECK;

/* --- what system df tells; from rows, so it is exact and instant --- */

struct store_usage {
	uint64_t images, images_active;		/* distinct configs of the namespace */
	uint64_t containers, containers_running;
	uint64_t volumes, volumes_active;
	uint64_t blobs, blob_bytes;		/* of the whole store, as all below */
	uint64_t layers, layer_bytes, layer_inodes;
	uint64_t layer_bytes_unused;		/* of layers that no container uses */
	uint64_t active_bytes;			/* upper layers, as last measured */
	uint64_t ingests;			/* partial downloads */
};

int store_usage(struct store_usage *out, struct store *s, const char *ns,
		struct err *e) MUST_CHECK;
