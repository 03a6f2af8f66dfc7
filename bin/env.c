#include "bin/env.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

const char *env_find_fuse(void)
{
	static const char *const places[] = {
		"/usr/bin/fuse-overlayfs", "/usr/local/bin/fuse-overlayfs", "/bin/fuse-overlayfs",
	};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

int env_begin(struct ctr_env *env, struct app *app, struct err *e)
{
	static const char *const names[] = {
		"coracle", "coracle-image", "coracle-shim", "coracle-net", "coracle-oci",
		"coracle-scope",
	};
	const char **const fields[] = {
		&env->self, &env->image_program, &env->shim_program, &env->net_program,
		&env->oci_program, &env->scope_program,
	};
	int r = 0;

	*env = (struct ctr_env){
		.ns = app->ns,
		.data_dir = app->data_dir,
		.run_dir = app->run_dir,
		.run_fallback = app->run_dir_is_fallback ? NULL : app->run_fallback,
		.cache_dir = app->cache_dir,
		.fuse_program = env_find_fuse(),
	};
	for (size_t i = 0; i < ARRAY_SIZE(names) && r == 0; i++) {
		char *path = NULL;

		r = app_program(names[i], &path, e);
		*fields[i] = path;
	}
	if (r < 0)
		env_clear(env);
	return r;
}

int env_init(struct ctr_env *env, struct app *app, struct err *e)
{
	int r = env->ns ? 0 : env_begin(env, app, e);

	if (r == 0)
		r = app_store(app, e);
	env->store = app->store;
	return r;
}

void env_say(struct ctr_env *env, const struct app *app)
{
	for (size_t i = 0; i < env->notices.len; i++)
		app_say(app, "%s", env->notices.v[i]);
	strv_clear(&env->notices);
}

void env_clear(struct ctr_env *env)
{
	free((void *)env->self);
	free((void *)env->image_program);
	free((void *)env->shim_program);
	free((void *)env->net_program);
	free((void *)env->oci_program);
	free((void *)env->scope_program);
	ctr_env_clear(env);
	*env = (struct ctr_env){ .ns = NULL };
}
