#include "lib/ctr/remove.h"

#include <fcntl.h>
#include <string.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"
#include "lib/ctr/client.h"
#include "lib/ctr/config.h"
#include "lib/ctr/stop.h"
#include "lib/os/cgroup.h"
#include "lib/os/enter.h"
#include "rootless/idmap.h"

#define REAP_BUDGET_NS (3 * NS_PER_MS)
#define COLLECT_BUDGET_NS (5 * NS_PER_MS)

/* A tree of mapped ids: its own map is not known any more, but every map of
 * ours is made of the same ids, so the default one reaches all. */
static int reap_one(int trash_fd, const char *name, void *arg, struct err *e)
{
	struct ctr_env *env = arg;
	struct ids ids;
	struct enter_opts o = { .map = &ids.map };
	int r = ctr_ids(env, NULL, &ids, e);

	return r < 0 ? r : enter_rmtree(&o, trash_fd, name, e);
}

int ctr_reap(struct ctr_env *env, uint64_t budget_ns, struct err *e)
{
	return gc_reap_trash(env->store, budget_ns, reap_one, env, e);
}

/* Left to itself; should it not start, the next call finds the work. */
static void reap_in_background(struct ctr_env *env)
{
	char *argv[] = { (char *)env->self, (char *)"--data-dir", (char *)env->data_dir,
			 (char *)"__reap", NULL };
	const struct proc_spec spec = { .path = env->self, .argv = argv, .new_session = true };
	struct proc p = PROC_INIT;
	struct err ignored = ERR_INIT;

	if (proc_spawn(&p, &spec, &ignored) == 0)
		fd_auto(&p.pidfd);
}

void ctr_reap_soon(struct ctr_env *env)
{
	struct err ignored = ERR_INIT;

	if (gc_reap_trash(env->store, REAP_BUDGET_NS, NULL, NULL, &ignored) != 0)
		reap_in_background(env);
}

static int collect(struct gc_result *out, struct ctr_env *env, uint64_t budget_ns, struct err *e)
{
	const struct gc_options o = { .budget_ns = budget_ns, .grace_s = GC_GRACE_S };
	int r = gc_run(out, env->store, &o, e);

	/* A layer may be large, and one tree is removed in one go. */
	if (r == 0 && (!out->is_finished || gc_has_trash(env->store)))
		reap_in_background(env);
	return r;
}

int ctr_collect_soon(struct ctr_env *env, struct err *e)
{
	struct gc_result result;

	return collect(&result, env, COLLECT_BUDGET_NS, e);
}

int ctr_collect(struct gc_result *out, struct ctr_env *env, struct err *e)
{
	return collect(out, env, 0, e);
}

static int remove_run_dir(const struct ctr_env *env, const char *top, const char *id,
			  struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/%s", top, env->ns);
	AUTO_FD int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return errno == ENOENT ? 0 : err_sys(e, "open '%s'", path);
	return fs_rmtree(dir, id, e);
}

/* A cgroup that the shim could not remove itself. */
static void remove_cgroup(const struct shim_page *page)
{
	AUTO(cgroup_tree) struct cgroup_tree tree = { .fd = -1 };
	struct err ignored = ERR_INIT;

	if (page->magic && page->cgroup[0] && cgroup_tree_open(&tree, &ignored) == 0)
		(void)!cgroup_remove(&tree, page->cgroup, &ignored);
}

int ctr_remove(struct ctr_env *env, struct ctr *c, const struct ctr_remove_opts *o,
	       struct err *e)
{
	int r = 0;

	if ((c->is_running || c->is_starting) && !o->force)
		return err_hint(e, err_set(e, EBUSY, "container '%s' is running", c->row.name),
				"container.running");
	if (c->is_running)
		r = ctr_kill_now(env, c, e);
	if (r < 0)
		return r;
	/* While there is a row, somebody will come back to them. */
	remove_cgroup(&c->page);
	r = remove_run_dir(env, env->run_dir, c->row.id, e);
	if (r == 0 && env->run_fallback)
		r = remove_run_dir(env, env->run_fallback, c->row.id, e);
	if (r == 0)
		r = container_remove(env->store, env->ns, c->row.id, o->volumes, e);
	ctr_reap_soon(env);
	return r < 0 ? r : 0;
}

static bool is_forsaken(const struct ctr_env *env, const struct ctr *c)
{
	AUTO_FD int run = -1;
	struct err ignored = ERR_INIT;
	enum client_health health;
	struct shim_page page;

	if (c->is_running || c->row.state != CONTAINER_EXITED ||
	    proc_id_is_alive(&c->row.starter))
		return false;
	run = ctr_run_dir(env, c->row.id, false, &ignored);
	return run < 0 || client_look(run, &page, &health, &ignored) < 0 ||
	       health == CLIENT_ABSENT || !proc_id_is_alive(&page.shim);
}

static int remove_if_forsaken(struct ctr_env *env, struct container *row, struct err *e)
{
	static const struct ctr_remove_opts o = { .volumes = true };
	AUTO(ctr) struct ctr c = CTR_INIT;
	int r = ctr_look(&c, env, row, e);

	return r < 0 || !is_forsaken(env, &c) ? r : ctr_remove(env, &c, &o, e);
}

int ctr_remove_forsaken(struct ctr_env *env, struct err *e)
{
	AUTO(containers) struct containers list = CONTAINERS_INIT;
	const char *ns = env->ns;
	int r = container_list(&list, env->store, NULL, e);

	for (size_t i = 0; i < list.len && r >= 0; i++) {
		AUTO_FREE char *its = mem_str(list.v[i].ns);

		env->ns = its;
		if (list.v[i].flags & CONTAINER_AUTO_REMOVE)
			r = ctr_unless_gone(remove_if_forsaken(env, &list.v[i], e), e);
		env->ns = ns;
	}
	return r;
}
