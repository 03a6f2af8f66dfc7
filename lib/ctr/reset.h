/* reset.h - ends and removes everything that is this user's, whatever state it
 * is in.
 *
 * The database is not read: containers are found by their run directories, and
 * what is in the data directory goes, owners and damage regardless.  The rest
 * of a removal that is cut off is no store any more; the next one finishes.
 *
 * Errors: -EBUSY another call does not let the store go; -EPERM the directory is
 * not ours alone.
 */
#pragma once

#include "lib/ctr/ctr.h"

/* env->store is NULL. */
int ctr_reset(struct ctr_env *env, struct err *e) MUST_CHECK;
