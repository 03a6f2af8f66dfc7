/* coracle-oci exec: one more process in a running container. */
#include <fcntl.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/prctl.h>

#include "bin/oci.h"
#include "bin/oci_cgroup.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/secprof.h"
#include "lib/fmt/user.h"
#include "lib/runtime/exec.h"
#include "lib/runtime/plan.h"

struct exec_args {
	const char *process, *console_socket, *pidfd_socket, *cwd, *user, *pid_file;
	const char *process_label, *apparmor, *preserve_fds, *cgroup;
	struct strv env, caps, gids;
	bool tty, detach, no_new_privs, ignore_paused;
};

static const struct opt exec_opts[] = {
	TEXT(struct exec_args, process, 'p', "process", "FILE", WORD_FILE,
	     "A runtime-spec process as JSON, instead of a command"),
	TEXT(struct exec_args, console_socket, 0, "console-socket", "PATH", WORD_FILE,
	     "Send the terminal to whoever listens there"),
	TEXT(struct exec_args, pidfd_socket, 0, "pidfd-socket", "PATH", WORD_FILE,
	     "Send a pidfd of the process to whoever listens there"),
	TEXT(struct exec_args, cwd, 0, "cwd", "DIR", WORD_DIR, "Its working directory"),
	LIST(struct exec_args, env, 'e', "env", "NAME=VALUE", WORD_ANY, "Set in its environment"),
	FLAG(struct exec_args, tty, 't', "tty", "Give it a terminal"),
	TEXT(struct exec_args, user, 'u', "user", "UID[:GID]", WORD_ANY, "Whose process it is"),
	LIST(struct exec_args, gids, 'g', "additional-gids", "GID", WORD_ANY, "One more group"),
	FLAG(struct exec_args, detach, 'd', "detach", "Return when it runs"),
	TEXT(struct exec_args, pid_file, 0, "pid-file", "FILE", WORD_FILE, "Write its pid there"),
	TEXT(struct exec_args, process_label, 0, "process-label", "LABEL", WORD_ANY,
	     "Its SELinux label"),
	TEXT(struct exec_args, apparmor, 0, "apparmor", "PROFILE", WORD_ANY,
	     "Its AppArmor profile"),
	FLAG(struct exec_args, no_new_privs, 0, "no-new-privs", "Forbid it to gain privileges"),
	LIST(struct exec_args, caps, 'c', "cap", "CAPABILITY", WORD_ANY, "One more capability"),
	TEXT(struct exec_args, preserve_fds, 0, "preserve-fds", "N", WORD_ANY,
	     "Pass N descriptors beside the standard ones"),
	FLAG(struct exec_args, ignore_paused, 0, "ignore-paused",
	     "Also in a paused container, where it waits for resume"),
	TEXT(struct exec_args, cgroup, 0, "cgroup", "PATH", WORD_ANY,
	     "The cgroup below the container's to run it in"),
	{ .kind = OPT_END },
};

static void exec_clear(void *args)
{
	struct exec_args *a = args;

	strv_clear(&a->env);
	strv_clear(&a->caps);
	strv_clear(&a->gids);
}

/* --- what to run --- */

static int set_ids(struct spec_user *u, const struct exec_args *a, struct err *e)
{
	int r = 0;

	if (a->user) {
		const char *colon = strchr(a->user, ':');
		AUTO_FREE char *uid = colon ? mem_strn(a->user, (size_t)(colon - a->user)) :
					      mem_str(a->user);

		r = user_parse_id(&u->uid, uid, e);
		if (r == 0 && colon)
			r = user_parse_id(&u->gid, colon + 1, e);
		if (r < 0)
			return err_ctx(e, r, "--user");
	}
	for (size_t i = 0; i < a->gids.len; i++) {
		uint32_t gid;

		r = user_parse_id(&gid, a->gids.v[i], e);
		if (r < 0)
			return err_ctx(e, r, "--additional-gids");
		u->groups = mem_more(u->groups, u->group_count, sizeof(*u->groups));
		u->groups[u->group_count++] = gid;
	}
	return 0;
}

static int add_caps(struct spec_caps *c, const struct strv *names, struct err *e)
{
	for (size_t i = 0; i < names->len; i++) {
		int cap = cap_number(names->v[i]);

		if (cap < 0)
			return err_set(e, EINVAL, "--cap: no such capability: '%s'", names->v[i]);
		c->set = true;
		c->bounding |= CAP_BIT(cap);
		c->effective |= CAP_BIT(cap);
		c->permitted |= CAP_BIT(cap);
	}
	return 0;
}

static void set_text(char **to, const char *text)
{
	if (!text)
		return;
	free(*to);
	*to = mem_str(text);
}

/* The container's own process, changed by the options. */
static int from_options(struct spec_process *p, const struct exec_args *a, char **words, int count,
			struct err *e)
{
	int r;

	if (!count)
		return err_set(e, EINVAL, "COMMAND or --process is missing");
	strv_clear(&p->args);
	for (int i = 0; i < count; i++)
		strv_add(&p->args, words[i]);
	for (size_t i = 0; i < a->env.len; i++)
		strv_setenv(&p->env, a->env.v[i]);
	set_text(&p->cwd, a->cwd);
	set_text(&p->selinux_label, a->process_label);
	set_text(&p->apparmor, a->apparmor);
	p->terminal = a->tty;
	p->no_new_privs |= a->no_new_privs;
	r = set_ids(&p->user, a, e);
	return r < 0 ? r : add_caps(&p->caps, &a->caps, e);
}

static int what_to_run(struct spec_process *p, const struct exec_args *a, char **words, int count,
		       struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC);
	int r;

	if (!a->process)
		return from_options(p, a, words, count, e);
	r = fs_read(AT_FDCWD, a->process, &text, e);
	if (r < 0)
		return err_ctx(e, r, "--process");
	spec_process_clear(p);
	r = spec_process_parse(p, text.data, text.len, e);
	return r < 0 ? err_ctx(e, r, "--process '%s'", a->process) : 0;
}

/* --- the process --- */

struct joining {
	struct oci *o;
	const struct exec_args *a;
	struct oci_box *box;
	struct spec spec;
	struct buf plan;		/* the container's, then the process's */
	struct buf exec_plan;
	int init, cgroup;
};

static void joining_auto(struct joining *j)
{
	spec_clear(&j->spec);
	buf_clear(&j->plan);
	buf_clear(&j->exec_plan);
	fd_auto(&j->init);
	fd_auto(&j->cgroup);
}

static int compile(struct joining *j, struct err *e)
{
	AUTO(secprof) struct secprof profile = SECPROF_INIT;
	AUTO(buf) struct buf state = BUF_INIT(MAX_SPEC);
	const struct idmap *map = &j->spec.idmap;
	const char *seccomp = j->spec.seccomp;
	bool is_plain = true;
	struct plan_exec_options o = {
		.idmap = map->uids.len ? map : NULL,
		.join_user = j->spec.ns[SPEC_NS_USER].set,
		.join_flags = plan_join_flags(j->plan.data),
		.deny_setgroups = plan_denies_setgroups(j->plan.data),
		.profile = &profile,
		.container = &j->spec,
	};
	int r = oci_given_fds(&o.preserve_fds, j->o, j->a->preserve_fds, "--preserve-fds", e);

	if (r < 0)
		return r;
	o.seccomp = plan_seccomp(j->plan.data, &o.seccomp_len, &is_plain);
	if (o.seccomp && !is_plain) {
		r = secprof_parse(&profile, seccomp, strlen(seccomp), e);
		if (r < 0)
			return err_ctx(e, r, "linux.seccomp");
		oci_state_tell(&j->box->state, "running", &state);
		o.state = state.data;
	}
	return plan_compile_exec(&j->exec_plan, &j->spec.process, &o, e);
}

/* The container's, or one below it: "/" is the container's own. */
static int open_cgroup(struct joining *j, struct err *e)
{
	const char *below = str_or(j->a->cgroup, "") + strspn(str_or(j->a->cgroup, ""), "/");
	AUTO_FD int own = -1;
	int r = oci_cgroup_enter(&own, j->o, j->box, e);

	if (r < 0)
		return r;
	if (own < 0 && j->a->cgroup)
		return err_hint(e, err_set(e, EOPNOTSUPP, "--cgroup: it has no cgroup"),
				"cgroup.none");
	j->cgroup = !*below ? take_fd(&own) :
		fs_open_beneath(own, below, O_RDONLY | O_DIRECTORY, 0, e);
	return j->cgroup < 0 && *below ? err_ctx(e, j->cgroup, "--cgroup") : 0;
}

static int open_box(struct joining *j, const char *id, struct err *e)
{
	enum oci_status status;
	int r = oci_box_open(j->box, j->o, id, OCI_LOOK, e);

	if (r < 0)
		return r;
	status = oci_box_status(j->box);
	if (status == OCI_PAUSED && !j->a->ignore_paused)
		return err_set(e, EBUSY, "container '%s': it is paused", id);
	if (status != OCI_RUNNING && status != OCI_PAUSED && status != OCI_CREATED)
		return err_set(e, EBADF, "container '%s': container not running: it is %s", id,
			       oci_status_name(status));
	j->init = oci_box_init(j->box, e);
	if (j->init < 0)
		return j->init;
	r = open_cgroup(j, e);
	if (r == 0)
		r = oci_box_plan(&j->plan, j->box, e);
	return r < 0 ? r : oci_box_spec(&j->spec, j->box, e);
}

static int hand_out(struct joining *j, struct rt_process *p, struct err *e)
{
	const struct exec_args *a = j->a;
	int r = 0;

	if (p->console_fd >= 0 && a->console_socket) {
		r = oci_send_fd(a->console_socket, "/dev/ptmx", p->console_fd, e);
		fd_auto(&p->console_fd);
	}
	if (r == 0 && a->pidfd_socket)
		r = oci_send_fd(a->pidfd_socket, "pidfd", p->pidfd, e);
	if (r == 0 && a->pid_file)
		r = oci_write_pid(a->pid_file, p->pid, e);
	return r;
}

static int run(struct joining *j, struct rt_process *p, struct err *e)
{
	struct rt_exec_args x = RT_EXEC_ARGS_INIT;
	int status = 0;
	int r;

	x.plan = j->exec_plan.data;
	x.plan_len = j->exec_plan.len;
	x.init_pidfd = j->init;
	x.cgroup_fd = j->cgroup;
	for (int i = 0; i < 3; i++)
		x.stdio[i] = i;
	r = rt_exec(p, &x, e);
	if (r < 0)
		return r;
	r = hand_out(j, p, e);
	if (r == 0 && !j->a->detach) {
		const struct oci_child child = { p->pid, p->pidfd, p->console_fd, -1 };

		r = oci_foreground(&status, &child, j->o, e);
	}
	return r < 0 ? r : status;
}

static int exec_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	AUTO(oci_box) struct oci_box b = OCI_BOX_INIT;
	struct rt_process p = RT_PROCESS_INIT;
	AUTO(joining) struct joining j = {
		.o = oci_of(app),
		.a = args,
		.box = &b,
		.plan = BUF_INIT(MAX_PLAN),
		.exec_plan = BUF_INIT(MAX_PLAN),
		.init = -1,
		.cgroup = -1,
	};
	int r;

	spec_init(&j.spec);
	r = open_box(&j, operands[0], e);
	if (r == 0)
		r = what_to_run(&j.spec.process, j.a, operands + 1, count - 1, e);
	if (r == 0 && j.a->process)
		oci_warn_caps(j.o, &j.spec.process);
	if (r == 0 && j.spec.process.terminal && j.a->detach && !j.a->console_socket)
		r = err_set(e, EINVAL, "--console-socket: needed for a terminal without us");
	if (r == 0)
		r = compile(&j, e);
	if (r == 0 && !j.a->detach)
		r = oci_hold_signals(false, e);
	if (r == 0)
		r = run(&j, &p, e);
	fd_auto(&p.pidfd);
	fd_auto(&p.console_fd);
	return r < 0 ? err_ctx(e, r, "exec in '%s'", operands[0]) : r;
}

const struct cmd oci_cmd_exec = {
	.name = "exec",
	.summary = "Run one more process in a container",
	.operands = "ID [COMMAND [ARG...]]",
	.min = 1,
	.max = -1,
	.stop_at_operand = true,
	.about = "The process is like the container's first one but for what the options "
		 "say, or as --process describes it.",
	.example = "coracle-oci exec -t web sh",
	.opts = exec_opts,
	.args_size = sizeof(struct exec_args),
	.clear = exec_clear,
	.fail_status = 255,
	.run = exec_run,
};
