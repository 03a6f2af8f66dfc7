#include "lib/ctr/pause.h"

#include "lib/base/fd.h"
#include "lib/os/cgroup.h"
#include "lib/store/events.h"

int ctr_freeze(struct ctr_env *env, const struct ctr *c, bool on, struct err *e)
{
	AUTO_FD int cgroup = ctr_cgroup(c, e);
	int r;

	if (cgroup < 0)
		return cgroup;
	if (cgroup_is_frozen(cgroup) == on)
		return err_set(e, EALREADY, "container '%s' is %s", c->row.name,
			       on ? "paused already" : "not paused");
	r = cgroup_freeze(cgroup, on, e);
	if (r < 0)
		return err_ctx(e, r, "%s '%s'", on ? "pause" : "unpause", c->row.name);
	return event_task(env->store, env->ns, c->row.id, on ? "/tasks/paused" : "/tasks/resumed",
			  e);
}

static int start_helper(struct ctr_pause *p, struct ctr_env *env, const struct ctr *c,
			struct err *e)
{
	AUTO(fd_pair) struct fd_pair pipe = FD_PAIR_INIT;
	char *argv[] = {
		(char *)env->self, (char *)"__thaw", (char *)c->page.cgroup, NULL,
	};
	int r = fd_pipe(&pipe, e);
	const struct proc_fd fds[] = {
		{ pipe.a, STDIN_FILENO }, { STDERR_FILENO, STDERR_FILENO },
	};
	const struct proc_spec spec = {
		.path = env->self, .argv = argv, .fds = fds, .fd_count = ARRAY_SIZE(fds),
		.new_session = true,
	};

	if (r == 0)
		r = proc_spawn(&p->helper, &spec, e);
	if (r == 0)
		p->pipe = take_fd(&pipe.b);
	return r;
}

int ctr_pause(struct ctr_pause *out, struct ctr_env *env, const struct ctr *c, struct err *e)
{
	AUTO(ctr_pause) struct ctr_pause p = CTR_PAUSE_INIT;
	int r;

	p.cgroup = ctr_cgroup(c, e);
	if (p.cgroup < 0)
		return p.cgroup;
	if (cgroup_is_frozen(p.cgroup))
		return 0;
	r = start_helper(&p, env, c, e);
	if (r == 0)
		r = cgroup_freeze(p.cgroup, true, e);
	if (r < 0)
		return r;
	*out = p;
	p = (struct ctr_pause)CTR_PAUSE_INIT;
	return 0;
}

bool ctr_pause_lasts(const struct ctr_pause *p)
{
	return p->cgroup < 0 || cgroup_is_frozen(p->cgroup);
}

void ctr_pause_end(struct ctr_pause *p)
{
	struct err ignored = ERR_INIT;
	int status = 0;

	fd_auto(&p->pipe);
	if (p->helper.pid > 0 && (proc_wait(&p->helper, &status, &ignored) < 0 || status))
		(void)!cgroup_freeze(p->cgroup, false, &ignored);
	fd_auto(&p->cgroup);
}

int ctr_pause_help(int fd, const char *path, struct err *e)
{
	AUTO_FD int cgroup = cgroup_open_path(path, e);
	char byte;

	if (cgroup < 0)
		return cgroup;
	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
	return cgroup_freeze(cgroup, false, e);
}
