/* new_ctr.h - what run and create do alike: flags, image, container, cidfile.
 */
#pragma once

#include "bin/env.h"
#include "bin/opts_create.h"
#include "lib/ctr/bundle.h"
#include "lib/ctr/start.h"

/* start: for a container that is started at once, which begins meanwhile;
 * NULL: it is not. */
int new_ctr(struct ctr_bundle *out, struct ctr_prepared *start, struct app *app,
	    struct ctr_env *env, const struct create_args *a, char **operands,
	    int count, struct err *e) MUST_CHECK;

/* Runs coracle-image with these words after its name; its talk goes to our
 * stderr. */
int image_tool(const struct app *app, const struct ctr_env *env, char *const *words,
	       struct err *e) MUST_CHECK;
