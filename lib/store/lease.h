/* lease.h - "I am working on this": what GC must leave alone.
 *
 * Long work (download, unpack, build) begins a lease before its first byte
 * and pins what it makes or relies on.  No lock is held meanwhile.  A lease
 * belongs to its process and is void the moment that process is gone: its
 * unfinished layers are rolled back and its downloads are free to be resumed
 * by anybody.  A process of another pid namespace cannot be seen from here;
 * its lease is believed until it expires (LEASE_TRUST_S after the last
 * renewal).
 *
 * A lease that a user made has a name in a namespace and no process; it lives
 * until its time is over or it is removed.  With the label LABEL_GC_FLAT it
 * keeps what it names and not what that refers to.
 *
 * Ownership: struct lease is a plain value that ends by AUTO(lease).
 * Errors: -ENOENT no such lease.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/proc.h"
#include "lib/fmt/digest.h"
#include "lib/store/store.h"

#define LEASE_TRUST_S 86400u

struct lease {
	struct store *store;	/* NULL: none */
	int64_t id;
};

#define LEASE_INIT { .store = NULL }

/* what: a word for people, "pull". */
int lease_begin(struct lease *out, struct store *s, const char *what,
		struct err *e) MUST_CHECK;
int lease_renew(struct lease *l, struct err *e) MUST_CHECK;

/* Unpins and removes; unfinished layers of it are rolled back.  Not inside a
 * transaction; the same goes for lease_remove. */
int lease_end(struct lease *l, struct err *e) MUST_CHECK;

static inline void lease_auto(struct lease *l)
{
	struct err ignored = ERR_INIT;

	(void)!lease_end(l, &ignored);
}

int lease_pin_blob(const struct lease *l, const struct digest *d,
		   struct err *e) MUST_CHECK;
int lease_pin_snapshot(const struct lease *l, int64_t snapshot,
		       struct err *e) MUST_CHECK;

int lease_remove(struct store *s, int64_t id, struct err *e) MUST_CHECK;

/* --- of users --- */

#define LEASE_FOREVER ((uint64_t)INT64_MAX)

/* expires_ns: wall clock, or LEASE_FOREVER.  -EEXIST the name is taken. */
int lease_create(int64_t *id, struct store *s, const char *ns, const char *name,
		 uint64_t expires_ns, struct err *e) MUST_CHECK;
int lease_find(int64_t *id, struct store *s, const char *ns, const char *name,
	       struct err *e) MUST_CHECK;

/* -ENOENT it does not hold that. */
int lease_unpin_blob(struct store *s, int64_t id, const struct digest *d,
		     struct err *e) MUST_CHECK;
int lease_unpin_snapshot(struct store *s, int64_t id, int64_t snapshot,
			 struct err *e) MUST_CHECK;

/* What it holds: digests, and "DRIVER/NAME" of snapshots that have names. */
int lease_resources(struct strv *blobs, struct strv *snapshots, struct store *s,
		    int64_t id, struct err *e) MUST_CHECK;

struct lease_info {
	int64_t id;
	char *what;
	char *ns, *name;		/* of a user's, else NULL */
	struct proc_id owner;		/* pid 0: a user's */
	bool is_alive;
	uint64_t created_ns;
	uint64_t expires_ns;
};

struct leases {
	struct lease_info *v;
	size_t len;
};

#define LEASES_INIT { .v = NULL }

int lease_list(struct leases *out, struct store *s, struct err *e) MUST_CHECK;
void leases_clear(struct leases *l);

static inline void leases_auto(struct leases *l)
{
	leases_clear(l);
}

/* Rolls back what dead leases left.  store_open and gc_run do this. */
int lease_recover(struct store *s, struct err *e) MUST_CHECK;
