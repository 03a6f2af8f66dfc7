/* view.h - one directory as stacked layers have it together: what an overlay
 * over them would show, without mounting one.
 *
 * A view is the directories that make it up, topmost first.  Whiteouts and
 * opaque directories are those that unpacking makes (whiteouts.c), for the
 * view's form.  With SNAP_MERGED it is one plain directory.
 *
 * Private to lib/image.  Ownership: a view owns its descriptors.
 * Errors: -ENOENT, without text: no layer has it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "lib/base/err.h"
#include "lib/base/limits.h"
#include "lib/base/strv.h"
#include "lib/snap/snap.h"

struct view {
	int fd[MAX_LAYERS];
	size_t len;
	enum snap_form form;
};

void view_clear(struct view *v);

static inline void view_auto(struct view *v)
{
	view_clear(v);
}

/* What a name is in a view. */
struct view_found {
	struct stat st;
	int at;				/* borrowed: the directory that has it */
};

/* Does this directory of a layer hide what is below it? */
bool view_is_opaque(const struct view *v, int fd);

/* Looks name up in v.  When it is a directory the empty *below becomes its view. */
int view_look(struct view_found *out, struct view *below, const struct view *v,
	      const char *name, struct err *e) MUST_CHECK;

/* The directory at path, which has no link in it. */
int view_open(struct view *out, const struct view *roots, const char *path,
	      struct err *e) MUST_CHECK;

/* Adds the names that any of the directories has, hidden ones too, each as
 * often as it is there; no marks. */
int view_names(struct strv *out, const struct view *v, struct err *e) MUST_CHECK;
