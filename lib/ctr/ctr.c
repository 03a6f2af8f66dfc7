#include "lib/ctr/ctr.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ctr/client.h"
#include "lib/ctr/config.h"
#include "lib/ctr/start.h"
#include "lib/os/cgroup.h"
#include "rootless/idmap.h"

void ctr_env_clear(struct ctr_env *env)
{
	strv_clear(&env->notices);
	free(env->ids);
	env->ids = NULL;
}

void ctr_notice(struct ctr_env *env, const char *fmt, ...)
{
	AUTO(buf) struct buf text = BUF_INIT(KIB(4));
	va_list args;

	va_start(args, fmt);
	buf_addv(&text, fmt, args);
	va_end(args);
	if (!strv_has(&env->notices, text.data))
		strv_add(&env->notices, text.data);
}

int ctr_ids(struct ctr_env *env, const struct ctr_config *c, struct ids *out,
	    struct err *e)
{
	static const enum ids_policy policies[] = {
		[CTR_USERNS_DEFAULT] = IDS_DEFAULT,
		[CTR_USERNS_KEEP_ID] = IDS_KEEP_ID,
		[CTR_USERNS_NOMAP] = IDS_NOMAP,
	};
	const struct ids_env ids_env = {
		.cache_dir = env->cache_dir,
		.asker = env->image_program,
	};
	int r;

	if (c && c->userns != CTR_USERNS_DEFAULT)
		return ids_choose(out, &ids_env, policies[c->userns], c->keep_uid,
				  c->keep_gid, e);
	if (!env->ids) {
		struct ids *ids = mem_new(struct ids);

		r = ids_choose(ids, &ids_env, IDS_DEFAULT, ID_NONE, ID_NONE, e);
		if (r < 0) {
			free(ids);
			return r;
		}
		env->ids = ids;
	}
	*out = *env->ids;
	return 0;
}

int ctr_run_dir(const struct ctr_env *env, const char *id, bool create, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/%s/%s", env->run_dir, env->ns, id);
	AUTO_FREE char *other = NULL;
	AUTO_FD int top = -1;
	struct err gone = ERR_INIT;
	int fd;

	if (create)
		return fs_mkdirs(AT_FDCWD, path, 0700, e);
	fd = fs_open_dir(AT_FDCWD, path, &gone);
	if (fd >= 0 || fd != -ENOENT || !env->run_fallback)
		return fd < 0 ? err_move(e, &gone) : fd;
	/* The shim has moved there when the directory went away.  Others can
	 * make that name too. */
	top = open(env->run_fallback, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (top < 0)
		return err_move(e, &gone);
	err_clear(&gone);
	fd = fs_check_private(top, env->run_fallback, e);
	if (fd < 0)
		return fd;
	other = mem_printf("%s/%s", env->ns, id);
	return fs_open_dir(top, other, e);
}

void ctr_clear(struct ctr *c)
{
	container_clear(&c->row);
	*c = (struct ctr)CTR_INIT;
}

/* An end that is on disk but not in the row. */
static int fold(struct ctr *c, struct ctr_env *env, bool lost, struct err *e)
{
	AUTO_FD int data = container_open_dir(env->store, c->row.ns, c->row.id, e);
	struct err missing = ERR_INIT;
	struct shim_exit end;
	int r;

	if (data < 0)
		return data;
	r = client_read_exit(data, &end, &missing);
	if (r < 0 || end.started_ns < c->row.started_ns) {
		if (!lost)
			return 0;
		if (c->page.magic) {
			err_clear(&missing);
			r = client_record_lost(data, &c->page, &missing);
		}
		end = (struct shim_exit){
			.exit_code = EXIT_UNKNOWN,
			.started_ns = c->row.started_ns,
			.finished_ns = clock_wall_ns(),
		};
	}
	r = container_set_finished(env->store, c->row.ns, c->row.id, end.started_ns,
				   end.finished_ns, end.exit_code, e);
	/* Where that cannot be written it is found again the next time. */
	if (r == -EROFS || r == -ENOSPC || r == -EDQUOT) {
		err_clear(e);
		r = 0;
	}
	if (r < 0)
		return r;
	c->row.state = CONTAINER_EXITED;
	c->row.exit_code = end.exit_code;
	c->row.started_ns = end.started_ns;
	c->row.finished_ns = end.finished_ns;
	return 0;
}

int ctr_look(struct ctr *out, struct ctr_env *env, struct container *row, struct err *e)
{
	enum client_health health = CLIENT_ABSENT;
	struct err missing = ERR_INIT;
	AUTO_FD int run = -1;
	int r;

	*out = (struct ctr){ .row = *row };
	*row = (struct container)CONTAINER_INIT;
	/* A finished row may still have an unknown end that a record explains. */
	if (out->row.state == CONTAINER_CREATED ||
	    (out->row.state == CONTAINER_EXITED && out->row.exit_code != EXIT_UNKNOWN))
		return 0;
	run = ctr_run_dir(env, out->row.id, false, &missing);
	if (run >= 0) {
		r = client_look(run, &out->page, &health, e);
		if (r < 0)
			return r;
	}
	switch (health) {
	case CLIENT_SERVED:
	case CLIENT_ORPHAN:
		out->is_running = true;
		out->is_orphan = health == CLIENT_ORPHAN;
		return 0;
	case CLIENT_ENDED:
	case CLIENT_LOST:
	case CLIENT_ABSENT:
		break;
	}
	r = fold(out, env, out->row.state == CONTAINER_RUNNING &&
			   !proc_id_is_alive(&out->row.starter), e);
	out->is_starting = r == 0 && out->row.state == CONTAINER_RUNNING;
	return r;
}

int ctr_get(struct ctr *out, struct ctr_env *env, const char *text, struct err *e)
{
	AUTO(container) struct container row = CONTAINER_INIT;
	int r = container_get(&row, env->store, env->ns, text, e);

	if (r == -ENOENT)
		return err_hint(e, r, "container.missing");
	return r < 0 ? r : ctr_look(out, env, &row, e);
}

int ctr_cgroup(const struct ctr *c, struct err *e)
{
	if (!c->is_running)
		return err_hint(e, err_set(e, ESRCH, "container '%s' is not running", c->row.name),
				"container.exited");
	if (!c->page.cgroup[0])
		return err_hint(e, err_set(e, EOPNOTSUPP, "container '%s' has no cgroup of its own",
					   c->row.name), "cgroup.none");
	return cgroup_open_path(c->page.cgroup, e);
}

bool ctr_is_paused(const struct ctr *c)
{
	struct err ignored = ERR_INIT;
	AUTO_FD int cgroup = ctr_cgroup(c, &ignored);

	return cgroup >= 0 && cgroup_is_frozen(cgroup);
}

int ctr_refuse_paused(const struct ctr *c, struct err *e)
{
	if (!ctr_is_paused(c))
		return 0;
	return err_hint(e, err_set(e, EBUSY, "container '%s' is paused", c->row.name),
			"container.paused");
}

const char *ctr_state_name(const struct ctr *c)
{
	if (c->is_running)
		return ctr_is_paused(c) ? "paused" : "running";
	return c->row.state == CONTAINER_EXITED ? "exited" : "created";
}
