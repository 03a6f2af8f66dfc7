/* env.h - the environment that lib/ctr wants, made from the app. */
#pragma once

#include "bin/app.h"
#include "lib/ctr/ctr.h"

/* All but the store; env_init() after it opens that. */
int env_begin(struct ctr_env *env, struct app *app, struct err *e) MUST_CHECK;

/* Opens the store. */
int env_init(struct ctr_env *env, struct app *app, struct err *e) MUST_CHECK;

/* Prints notices that came up since the last call, each once. */
void env_say(struct ctr_env *env, const struct app *app);
/* The path of fuse-overlayfs, or NULL. */
const char *env_find_fuse(void);

void env_clear(struct ctr_env *env);

static inline void env_auto(struct ctr_env *env)
{
	env_clear(env);
}
