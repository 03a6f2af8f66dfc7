/* volumes.h - named directories that outlive containers.
 *
 * A volume's files are in volumes/NS/NAME/_data, a copy of its row is beside
 * that (rows.h).  Nothing here ever removes
 * files of a volume that nobody asked to remove: a directory without a row is
 * left alone, and creating a volume of that name adopts it.  GC takes only what
 * was still being made: a draft, or what has VOLUME_SCRATCH beside _data.
 *
 * Ownership: strings belong to the struct; descriptors to the caller.
 * Errors: -ENOENT no such volume; -EEXIST there is one; -EBUSY a container
 * uses it, the text says which.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/strv.h"
#include "lib/store/store.h"

struct volume {
	char *ns;
	char *name;
	bool is_anonymous;
	uint64_t created_ns;
	uint64_t users;			/* containers that use it */
	struct strv labels;		/* "key=value" */
	struct strv options;		/* "key=value", as given to create */
};

#define VOLUME_INIT { .ns = NULL }

struct volumes {
	struct volume *v;
	size_t len;
};

#define VOLUMES_INIT { .v = NULL }

void volume_clear(struct volume *v);
void volumes_clear(struct volumes *l);

static inline void volume_auto(struct volume *v)
{
	volume_clear(v);
}

static inline void volumes_auto(struct volumes *l)
{
	volumes_clear(l);
}

/* Durable; ns, name, is_anonymous, labels and options are read. */
int volume_create(struct store *s, const struct volume *v,
		  struct err *e) MUST_CHECK;

/* A volume that is filled before anybody can see it.  The draft is a directory
 * as if a volume had that name, with the empty directory VOLUME_SCRATCH for
 * who fills it; the name is released by the caller. */
#define VOLUME_SCRATCH "scratch"
int volume_draft(char **draft, struct store *s, const char *ns,
		 struct err *e) MUST_CHECK;

/* The draft becomes v, in the transaction of its first user, unless there is
 * such a volume by now. */
int volume_settle(struct store *s, const struct volume *v, const char *draft,
		  struct err *e) MUST_CHECK;

/* Afterwards, whatever came of it; name: what it was to become. */
void volume_end_draft(struct store *s, const char *ns, const char *draft,
		      const char *name);

int volume_get(struct volume *out, struct store *s, const char *ns,
	       const char *name, struct err *e) MUST_CHECK;
int volume_list(struct volumes *out, struct store *s, const char *ns,
		struct err *e) MUST_CHECK;			/* by name */
int volume_remove(struct store *s, const char *ns, const char *name,
		  struct err *e) MUST_CHECK;

/* The _data directory, and its path (released by the caller). */
int volume_open(struct store *s, const char *ns, const char *name,
		struct err *e) MUST_CHECK;
char *volume_path(const struct store *s, const char *ns,
		  const char *name) MUST_CHECK;

/* The container, which must exist, uses the volume; repeated is fine. */
int volume_use(struct store *s, const char *ns, const char *name,
	       const char *container, struct err *e) MUST_CHECK;
int volume_users(struct strv *out, struct store *s, const char *ns,
		 const char *name, struct err *e) MUST_CHECK;

/* Removes the unused ones: the anonymous, or all.  removed gets the names. */
int volume_prune(struct strv *removed, struct store *s, const char *ns,
		 bool all, struct err *e) MUST_CHECK;
