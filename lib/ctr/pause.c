#include "lib/ctr/pause.h"

#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/os/cgroup.h"

static int open_cgroup(const char *path, struct err *e)
{
	AUTO(cgroup_tree) struct cgroup_tree tree = { .fd = -1 };
	int r = cgroup_tree_open(&tree, e);

	return r < 0 ? r : cgroup_open(&tree, path, e);
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

static bool is_frozen(int cgroup)
{
	struct err ignored = ERR_INIT;
	char text[8];
	ssize_t len;

	return fs_read_small(cgroup, "cgroup.freeze", text, sizeof(text), &len, &ignored) == 0 &&
	       text[0] == '1';
}

int ctr_pause(struct ctr_pause *out, struct ctr_env *env, const struct ctr *c, struct err *e)
{
	AUTO(ctr_pause) struct ctr_pause p = CTR_PAUSE_INIT;
	int r;

	if (!c->page.cgroup[0])
		return err_set(e, EOPNOTSUPP, "it has no cgroup of its own");
	p.cgroup = open_cgroup(c->page.cgroup, e);
	if (p.cgroup < 0)
		return p.cgroup;
	if (is_frozen(p.cgroup))
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
	AUTO_FD int cgroup = open_cgroup(path, e);
	char byte;

	if (cgroup < 0)
		return cgroup;
	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
	return cgroup_freeze(cgroup, false, e);
}
