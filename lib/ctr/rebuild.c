#include "lib/ctr/rebuild.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ctr/client.h"
#include "lib/ctr/config.h"
#include "lib/store/volumes.h"

static int restore_volumes(struct ctr_env *env, const struct container *c, struct err *e)
{
	AUTO(ctr_config) struct ctr_config config;
	int r;

	ctr_config_init(&config);
	r = ctr_config_parse(&config, str_or(c->config, "{}"), strlen(str_or(c->config, "{}")), e);
	for (size_t i = 0; i < config.mount_count && r == 0; i++)
		if (config.mounts[i].kind == MOUNT_VOLUME)
			r = volume_use(env->store, c->ns, config.mounts[i].source, c->id, e);
	return r;
}

/* Its page says that it runs, a record how it ended; one without either has
 * not been started, or nobody knows any more. */
static int restore_state(struct ctr_env *env, struct container *c, struct err *e)
{
	AUTO(ctr) struct ctr now = CTR_INIT;
	const struct proc_id nobody = { .pid = 0 };
	AUTO_FD int data = container_open_dir(env->store, c->ns, c->id, e);
	AUTO_FD int run = data < 0 ? -1 : ctr_run_dir(env, c->id, false, e);
	AUTO_FREE char *id = mem_str(c->id);
	struct shim_exit end;
	int r;

	if (data < 0)
		return data;
	err_clear(e);
	if (run < 0 && client_read_exit(data, &end, e) < 0) {
		err_clear(e);
		return 0;
	}
	r = container_set_started(env->store, env->ns, id, &nobody, 1, e);
	c->state = CONTAINER_RUNNING;
	c->started_ns = 1;
	if (r == 0)
		r = ctr_look(&now, env, c, e);
	if (r == 0 && now.is_running)
		r = container_set_started(env->store, env->ns, id, &nobody, now.page.started_ns, e);
	return r;
}

int ctr_rebuild(struct ctr_env *env, struct err *e)
{
	AUTO(containers) struct containers all = CONTAINERS_INIT;
	const char *own = env->ns;
	int r = container_list(&all, env->store, NULL, e);

	for (size_t i = 0; i < all.len && r == 0; i++) {
		AUTO_FREE char *ns = mem_str(all.v[i].ns);

		env->ns = ns;
		r = restore_volumes(env, &all.v[i], e);
		if (r == 0)
			r = restore_state(env, &all.v[i], e);
	}
	env->ns = own;
	return r;
}
