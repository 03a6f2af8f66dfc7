/* merged.h - what drivers with one tree of all layers share.
 *
 * Inside lib/snap only.
 */
#pragma once

#include "lib/snap/snap.h"

/* As struct snap_driver has them, by d->clone. */
int merged_prepare(const struct snap_driver *d, int base_fd, const char *id,
		   const struct strv *lowers, struct err *e) MUST_CHECK;

/* Tries to make a tree, and one like it. */
int merged_probe(const struct snap_driver *d, const struct snap_env *env,
		 struct err *e) MUST_CHECK;
