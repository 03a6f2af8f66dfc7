#include "lib/ctr/exec.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>

#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/id.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ctr/bundle.h"
#include "lib/ctr/foreign.h"
#include "lib/ctr/seccomp.h"
#include "lib/ctr/start.h"
#include "lib/runtime/plan.h"

#define MAX_SHIMS 3			/* that die while they are asked */

/* The container's own process with what the flags change. */
static int make_process(struct spec_process *p, const struct ctr_bundle *b,
			const struct ctr_exec_opts *o, struct err *e)
{
	AUTO(user) struct user user = USER_INIT;
	int r;

	p->terminal = o->tty;
	p->rows = o->rows;
	p->cols = o->cols;
	strv_clear(&p->args);
	strv_join(&p->args, o->args);
	for (size_t i = 0; i < o->env->len; i++)
		strv_setenv(&p->env, o->env->v[i]);
	if (o->tty && !strv_getenv(&p->env, "TERM"))
		strv_add(&p->env, "TERM=xterm");
	if (o->workdir) {
		free(p->cwd);
		p->cwd = mem_str(o->workdir);
	}
	if (o->user) {
		r = ctr_user(&user, &b->rootfs, o->user, NULL, e);
		if (r < 0)
			return r;
		p->user.uid = user.uid;
		p->user.gid = user.gid;
		p->user.group_count = 0;
		if (b->ids.rung != IDS_SINGLE) {
			free(p->user.groups);
			p->user.groups = mem_zero(user.group_count + 1, sizeof(*p->user.groups));
			p->user.groups[p->user.group_count++] = user.gid;
			for (size_t i = 0; i < user.group_count; i++)
				p->user.groups[p->user.group_count++] = user.groups[i];
		}
		p->caps.permitted = p->caps.effective = user.uid == 0 ? p->caps.bounding : 0;
	}
	if (o->privileged)
		p->caps.bounding = p->caps.permitted = p->caps.effective = CAP_ALL;
	return 0;
}

/* Its first process is in all of these, whoever made them. */
static uint64_t namespaces(const struct spec *s)
{
	static const uint64_t flags[SPEC_NS_COUNT] = {
		[SPEC_NS_MOUNT] = CLONE_NEWNS, [SPEC_NS_PID] = CLONE_NEWPID,
		[SPEC_NS_NETWORK] = CLONE_NEWNET, [SPEC_NS_IPC] = CLONE_NEWIPC,
		[SPEC_NS_UTS] = CLONE_NEWUTS, [SPEC_NS_CGROUP] = CLONE_NEWCGROUP,
	};
	uint64_t all = 0;

	for (size_t i = 0; i < SPEC_NS_COUNT; i++)
		all |= s->ns[i].set ? flags[i] : 0;
	return all;
}

/* dir: of this exec alone, for another runtime. */
static int make_plan(struct buf *out, struct ctr_env *env, struct ctr_bundle *b,
		     const struct proc_id *init, int run_fd, const char *dir,
		     const struct ctr_exec_opts *o, struct err *e)
{
	AUTO(buf) struct buf filter = BUF_INIT(MIB(1)), told = BUF_INIT(MAX_SPEC);
	AUTO(secprof) struct secprof profile = SECPROF_INIT;
	struct plan_exec_options po = {
		.idmap = &b->ids.map,
		.join_flags = namespaces(&b->spec),
		.deny_setgroups = b->ids.rung == IDS_SINGLE,
	};
	int r = make_process(&b->spec.process, b, o, e);

	if (r == 0 && b->config.runtime)
		return foreign_plan_exec(out, env, b, run_fd, dir, &po, e);
	if (r == 0 && !o->privileged && !b->config.privileged &&
	    !str_eq(b->config.seccomp, "unconfined"))
		r = ctr_seccomp_filter(&filter, &profile, env, b->config.seccomp,
				       b->spec.process.caps.bounding, e);
	if (r < 0)
		return r;
	po.seccomp = filter.len ? filter.data : NULL;
	po.seccomp_len = filter.len;
	po.profile = &profile;
	if (profile.listener_path) {
		AUTO(oci_state) struct oci_state state;

		oci_state_init(&state);
		ctr_bundle_state(&state, env, b);
		state.init = *init;
		oci_state_tell(&state, "running", &told);
		po.state = told.data;
	}
	return plan_compile_exec(out, &b->spec.process, &po, e);
}

static int join(struct client *client, struct client_exec *out, int run_fd,
		const struct buf *plan, const struct ctr_exec_opts *o, struct err *e)
{
	AUTO_FD int memory = fd_sealed("exec", plan->data, plan->len, e);
	AUTO_FD int null = -1;
	int stdio[3];
	int r;

	if (memory < 0)
		return memory;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return err_sys(e, "open /dev/null");
	stdio[0] = o->has_stdin ? STDIN_FILENO : null;
	stdio[1] = o->detach ? null : STDOUT_FILENO;
	stdio[2] = o->detach ? null : STDERR_FILENO;
	r = client_connect(client, run_fd, e);
	return r < 0 ? r :
		client_exec(client, memory, o->tty ? NULL : stdio, o->rows, o->cols, out, e);
}

/* A shim that was killed just now may still have taken the connection, and died
 * before it read: then nothing has happened, and another one is asked. */
static int join_again(struct client *client, struct client_exec *out, struct ctr_env *env,
		      struct ctr *c, int run_fd, const struct buf *plan,
		      const struct ctr_exec_opts *o, struct err *e)
{
	int r = join(client, out, run_fd, plan, o, e);

	for (int i = 0; r == -ESRCH && i < MAX_SHIMS; i++) {
		AUTO_FREE char *id = mem_str(c->row.id);

		err_clear(e);
		client_auto(client);
		ctr_clear(c);
		r = ctr_get(c, env, id, e);
		if (r == 0 && !c->is_running)
			r = err_set(e, ESRCH, "container '%s' ended", c->row.name);
		if (r < 0)
			return r;
		r = ctr_adopt(c, env, e);
		if (r == 0)
			r = join(client, out, run_fd, plan, o, e);
	}
	return r;
}

int ctr_exec(struct client *client, struct client_exec *out, struct ctr_env *env,
	     struct ctr *c, const struct ctr_exec_opts *o, int *exit_status, struct err *e)
{
	AUTO(ctr_bundle) struct ctr_bundle b;
	AUTO(buf) struct buf plan = BUF_INIT(MAX_PLAN);
	char id[ID_LEN + 1], dir[ID_LEN + 8];
	struct err late = ERR_INIT;
	AUTO_FD int run = -1;
	int r;

	*exit_status = EXIT_STATUS_TOOL;
	if (!c->is_running)
		return err_hint(e, err_set(e, ESRCH, "container '%s' is not running", c->row.name),
				"container.exited");
	r = ctr_refuse_paused(c, e);
	if (r == 0)
		r = id_make(id, e);
	if (r == 0)
		r = ctr_adopt(c, env, e);
	if (r < 0)
		return r;
	snprintf(dir, sizeof(dir), "exec-%.*s", ID_SHORT_LEN, id);
	r = ctr_bundle_load(&b, env, &c->row, e);
	if (r == 0 && (run = ctr_run_dir(env, c->row.id, false, e)) < 0)
		r = run;
	if (r == 0)
		r = make_plan(&plan, env, &b, &c->page.init, run, dir, o, e);
	if (r < 0)
		return r;
	r = join_again(client, out, env, c, run, &plan, o, e);
	if (r < 0 && out->exit_status)
		*exit_status = out->exit_status;
	if (r < 0 && b.config.runtime)
		foreign_explain(&b, run, dir, exit_status, e);
	if (b.config.runtime)
		(void)!fs_rmtree(run, dir, &late);
	return r;
}
