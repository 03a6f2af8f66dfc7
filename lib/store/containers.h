/* containers.h - the containers that exist, and how their last run ended.
 *
 * Names are unique within a namespace; so are ids.  The directory
 * containers/NS/ID is made with the row and goes to the trash with it.
 *
 * The state is what the database knows: a container whose shim wrote an exit
 * record stays "running" here until somebody folds the record in.  That
 * happens once: container_set_finished() says whether it was this call.  After
 * a reboot the first opener sets every running container to exited with code
 * -1 (unknown), which a record found later may still replace.
 *
 * Ownership: strings belong to the struct.  Errors: -ENOENT no such
 * container; -ENOTUNIQ an id prefix fits several; -EEXIST the name or id is
 * taken, the text says by whom.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/proc.h"
#include "lib/base/strv.h"
#include "lib/fmt/digest.h"
#include "lib/store/store.h"

enum container_state {
	CONTAINER_CREATED = 1,
	CONTAINER_RUNNING,
	CONTAINER_EXITED,
};

#define CONTAINER_AUTO_REMOVE 1u
#define CONTAINER_TTY 2u
#define CONTAINER_STDIN 4u
#define CONTAINER_STDIN_ONCE 8u
#define CONTAINER_DETACHED 16u

#define EXIT_UNKNOWN (-1)

struct container {
	char *id;
	char *ns;
	char *name;
	char *image;			/* as the user wrote it; NULL: --rootfs */
	struct digest manifest;
	struct digest config_digest;	/* of the image: its id */
	int64_t snapshot;		/* 0: none */
	enum container_state state;
	uint64_t created_ns;
	uint64_t started_ns;		/* 0: never */
	uint64_t finished_ns;		/* 0: never, or running again */
	struct proc_id starter;		/* who began the last run; pid 0: nobody */
	int exit_code;			/* of an exited one; EXIT_UNKNOWN */
	unsigned flags;			/* CONTAINER_* */
	char *restart;			/* policy as text: "on-failure:3" */
	char *config;			/* JSON of lib/ctr, opaque here */
	struct strv labels;		/* "key=value", sorted by key */
};

#define CONTAINER_INIT { .exit_code = EXIT_UNKNOWN }

struct containers {
	struct container *v;
	size_t len;
};

#define CONTAINERS_INIT { .v = NULL }

void container_clear(struct container *c);
void containers_clear(struct containers *l);

static inline void container_auto(struct container *c)
{
	container_clear(c);
}

static inline void containers_auto(struct containers *l)
{
	containers_clear(l);
}

/* Makes row, labels and directory; state becomes CREATED.  Times, state and
 * starter of c are not read, except created_ns (0: now).  -ESTALE: the snapshot
 * is gone. */
int container_put(struct store *s, const struct container *c,
		  struct err *e) MUST_CHECK;

/* By id, else by name, else by the only id that begins so. */
int container_get(struct container *out, struct store *s, const char *ns,
		  const char *text, struct err *e) MUST_CHECK;

/* Newest first; ns NULL: of all namespaces. */
int container_list(struct containers *out, struct store *s, const char *ns,
		   struct err *e) MUST_CHECK;

/* Only those that may run: they were started, and how they ended is not known. */
int container_list_live(struct containers *out, struct store *s, const char *ns,
			struct err *e) MUST_CHECK;

/* Said before anything runs: should starter die on the way, the end of this
 * run is unknown. */
int container_set_started(struct store *s, const char *ns, const char *id,
			  const struct proc_id *starter, uint64_t started_ns,
			  struct err *e) MUST_CHECK;

/* Folds the end of the run that began at started_ns (or of a later one that
 * the shim started by itself).  1: this call did it; 0: it was known. */
int container_set_finished(struct store *s, const char *ns, const char *id,
			   uint64_t started_ns, uint64_t finished_ns,
			   int exit_code, struct err *e) MUST_CHECK;

/* One that has exited is as if it had never run.  -ENOENT: it has not. */
int container_forget_task(struct store *s, const char *ns, const char *id,
			  struct err *e) MUST_CHECK;

/* Replaces config, restart and flags. */
int container_update(struct store *s, const struct container *c,
		     struct err *e) MUST_CHECK;

int container_rename(struct store *s, const char *ns, const char *id,
		     const char *name, struct err *e) MUST_CHECK;

/* Also its labels, its uses of volumes, its snapshot, and with volumes the
 * anonymous ones that nobody else uses; directories go to the trash.  1: this
 * call did it; 0: it was gone. */
int container_remove(struct store *s, const char *ns, const char *id, bool volumes,
		     struct err *e) MUST_CHECK;

/* containers/NS/ID; the descriptor is the caller's. */
int container_open_dir(struct store *s, const char *ns, const char *id,
		       struct err *e) MUST_CHECK;
