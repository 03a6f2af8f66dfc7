/* rebuild.h - the containers of a store whose database was lost
 * (lib/store/rebuild.h): whether they run, how they ended, which volumes they
 * use.
 */
#pragma once

#include "lib/ctr/ctr.h"

int ctr_rebuild(struct ctr_env *env, struct err *e) MUST_CHECK;
