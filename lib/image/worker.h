/* worker.h - child processes that hash and unpack layers while these are
 * still being written.
 *
 * The caller fills a struct work, maps its page with work_init(), starts the
 * workers and then only touches the page: work_grow() after every write,
 * work_abandon() when a download failed.  Workers take jobs in order from a
 * shared counter; a job is one directory and the layers that go into it,
 * lowest first, or no directory, and then its layers are only verified.
 *
 * Private to lib/image.  Ownership: descriptors and descs are borrowed.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/limits.h"
#include "lib/fmt/desc.h"
#include "lib/image/layers.h"
#include "lib/image/unpack.h"
#include "lib/os/enter.h"

#define MAX_WORKERS 64
#define MAX_WORK_NOTES 8
#define WORK_NOTE_MAX 128

struct work_shared {
	_Atomic uint64_t avail;		/* bytes in the file */
	_Atomic uint64_t wanted;	/* wake the worker when avail gets here */
	_Atomic uint32_t wake;		/* futex */
	_Atomic uint32_t abandoned;
	_Atomic uint64_t used;		/* bytes of the blob that are through */
	_Atomic uint32_t is_done;
	_Atomic uint32_t is_bad;	/* these bytes are no layer, or another one */
	uint64_t entries;		/* of what was unpacked, once is_done */
	uint64_t bytes;
	uint64_t links;			/* that wait, links.h */
	bool is_bottom;
};

struct work_page {
	_Atomic uint32_t next_job;
	_Atomic uint32_t notes;
	char note[MAX_WORK_NOTES][WORK_NOTE_MAX];
	struct work_shared layer[MAX_LAYERS];
};

struct work_layer {
	int fd;				/* read with pread */
	const struct desc *blob;
	const struct digest *diff;	/* what the tar must hash to */
	bool is_verified;		/* the blob's digest was checked before */
};

struct work_job {
	int dir_fd;			/* gets "fs"; -1: verify only */
	int from_fd;			/* has the "fs" it begins with; -1: empty */
	size_t first;
	size_t count;
};

struct work {
	struct work_page *page;		/* shared */
	struct work_layer layer[MAX_LAYERS];
	size_t layers;
	struct work_job job[MAX_LAYERS];
	size_t jobs;
	enum snap_form form;
	const struct snap_driver *cloner;	/* makes the directories; NULL: mkdir() does */
	enum unpack_owners owners;
	struct enter_child child[MAX_WORKERS];
	size_t children;
	size_t notes_told;
};

int work_init(struct work *w, struct err *e) MUST_CHECK;
void work_clear(struct work *w);	/* kills what still runs */

static inline void work_auto(struct work **w)
{
	if (*w) {
		work_clear(*w);
		free(*w);
	}
	*w = NULL;
}

/* Starts as many as there are jobs, at most max. */
int work_start(struct work *w, unsigned max, const struct idmap *map,
	       struct err *e) MUST_CHECK;

void work_grow(struct work *w, size_t layer, uint64_t avail);
void work_abandon(struct work *w, size_t layer);

/* The child at i has ended: its error, and it leaves the list. */
int work_reap(struct work *w, size_t i, struct err *e) MUST_CHECK;

/* Waits for all. */
int work_wait(struct work *w, const struct image_progress *p,
	      struct err *e) MUST_CHECK;

/* Passes on what workers noted. */
void work_tell(struct work *w, const struct image_progress *p);
