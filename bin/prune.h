/* prune.h - removes what is not used: containers, images, volumes.
 *
 * Each prints what it removed, as docker does, and adds to *freed what that
 * took on disk.  Filters are the user's,
 * checked by filter_check() with the keys below: "until=...", "label=...".
 */
#pragma once

#include <stdint.h>

#include "bin/env.h"
#include "bin/filter_image.h"
#include "bin/filter_volume.h"

extern const struct filter_key prune_ctr_filters[];
int prune_containers(struct app *app, struct ctr_env *env, const struct strv *filters,
		     uint64_t *freed, struct err *e) MUST_CHECK;

/* all: also those that have names; else the nameless. */
int prune_images(struct app *app, struct ctr_env *env, const struct strv *filters, bool all,
		 uint64_t *freed, struct err *e) MUST_CHECK;

/* all: also those that were given a name; else the anonymous. */
int prune_volumes(struct app *app, struct ctr_env *env, const struct strv *filters, bool all,
		  uint64_t *freed, struct err *e) MUST_CHECK;

/* Asks unless force; -ECANCELED. */
int prune_ask(struct app *app, bool force, const char *what, struct err *e) MUST_CHECK;
void prune_total(struct app *app, uint64_t freed);
