/* coracle-oci kill, delete: the end of a container. */
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <string.h>

#include "bin/oci.h"
#include "bin/oci_cgroup.h"
#include "lib/base/limits.h"
#include "lib/base/proc.h"
#include "lib/base/str.h"

#define END_MS 10000

/* --- one, or all whose id fits --- */

typedef int one_fn(struct oci *o, const char *id, void *arg, struct err *e);

static int each_match(struct oci *o, const char *pattern, one_fn *fn, void *arg, struct err *e)
{
	AUTO(strv) struct strv ids = STRV_INIT;
	regex_t re;
	int r = oci_list(&ids, o, e);

	if (r < 0)
		return r;
	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return err_set(e, EINVAL, "'%s' is not a regular expression", pattern);
	for (size_t i = 0; i < ids.len; i++) {
		struct err why = ERR_INIT;

		if (regexec(&re, ids.v[i], 0, NULL, 0) != 0 || fn(o, ids.v[i], arg, &why) == 0)
			continue;
		if (r < 0)
			oci_warn(o, "%s", why.text);
		else
			r = err_move(e, &why);
	}
	regfree(&re);
	return r;
}

/* --- kill --- */

struct kill_args {
	bool all;
	bool regex;
	int signal;
};

static const struct opt kill_opts[] = {
	FLAG(struct kill_args, all, 'a', "all",
	     "Every process of the container, not its init alone"),
	FLAG(struct kill_args, regex, 'r', "regex", "ID is a regular expression; all that fit"),
	{ .kind = OPT_END },
};

/* Also what the init has left behind. */
static int kill_all(const struct oci_box *b, int sig, struct err *e)
{
	AUTO_FD int cgroup = oci_box_cgroup(b);
	AUTO(oci_pids) struct oci_pids pids = { .v = NULL };
	int r;

	if (cgroup >= 0)
		return sig == SIGKILL ? cgroup_kill(cgroup, e) : cgroup_signal(cgroup, sig, e);
	r = oci_pids(&pids, b, e);
	for (size_t i = 0; r == 0 && i < pids.len; i++)
		(void)kill(pids.v[i], sig);
	return r;
}

static int kill_one(struct oci *o, const char *id, void *arg, struct err *e)
{
	AUTO(oci_box) struct oci_box b = OCI_BOX_INIT;
	const struct kill_args *a = arg;
	AUTO_FD int init = -1;
	int r = oci_box_open(&b, o, id, OCI_LOOK, e);

	if (r < 0)
		return r;
	if (a->all)
		return kill_all(&b, a->signal, e);
	init = oci_box_init(&b, e);
	if (init < 0)
		return init;
	r = proc_pidfd_kill(init, a->signal);
	return r < 0 ? err_ret(e, r, "container '%s': signal %d", id, a->signal) : 0;
}

static int kill_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	struct kill_args *a = args;
	int r = 0;

	/* 0 only asks whether it is there. */
	if (count < 2 || !str_eq(operands[1], "0"))
		r = proc_signal(&a->signal, count > 1 ? operands[1] : "TERM", e);

	if (r < 0)
		return r;
	return a->regex ? each_match(oci_of(app), operands[0], kill_one, a, e) :
		kill_one(oci_of(app), operands[0], a, e);
}

const struct cmd oci_cmd_kill = {
	.name = "kill",
	.summary = "Send a signal to a container's init",
	.operands = "ID [SIGNAL]",
	.min = 1,
	.max = 2,
	.about = "SIGNAL is a name or a number; TERM unless it is given.",
	.example = "coracle-oci kill web KILL",
	.opts = kill_opts,
	.args_size = sizeof(struct kill_args),
	.run = kill_run,
};

/* --- delete --- */

static void hook_failed(const char *words, void *arg)
{
	oci_warn(arg, "%s", words);
}

/* Whoever is its parent reaps it: no longer running is enough. */
static int await_end(const struct oci_box *b, int init, struct err *e)
{
	if (proc_pidfd_wait(init, END_MS) > 0)
		return 0;
	return err_set(e, ETIMEDOUT, "container '%s': does not end", b->id);
}

int oci_end_init(const struct oci_box *b, struct err *e)
{
	struct err gone = ERR_INIT;
	AUTO_FD int init = oci_box_init(b, &gone);

	if (init < 0)
		return 0;
	(void)proc_pidfd_kill(init, SIGKILL);
	return await_end(b, init, e);
}

static void end_rest(const struct oci_box *b, struct oci *o)
{
	AUTO_FD int cgroup = oci_box_cgroup(b);
	struct err why = ERR_INIT;

	if (cgroup >= 0 && cgroup_is_populated(cgroup)) {
		if (cgroup_kill(cgroup, &why) < 0)
			oci_warn(o, "%s", why.text);
		cgroup_await_empty(cgroup, END_MS * 1000000ull);
	}
	fd_auto(&cgroup);
	oci_cgroup_remove(o, &b->state);
}

void oci_poststop(struct oci *o, const void *plan)
{
	struct err none = ERR_INIT;

	(void)!rt_run_hooks(plan, SPEC_HOOK_POSTSTOP, 0, hook_failed, o, &none);
}

int oci_delete(struct oci_box *b, struct oci *o, struct err *e)
{
	AUTO(buf) struct buf plan = BUF_INIT(MAX_PLAN);
	struct err why = ERR_INIT;
	int r = oci_end_init(b, e);

	if (r < 0)
		return r;
	end_rest(b, o);
	r = oci_box_plan(&plan, b, &why);
	if (r == 0)
		oci_poststop(o, plan.data);
	else if (r != -ENOENT)
		oci_warn(o, "%s", why.text);
	return oci_box_drop(b, o, e);
}

struct delete_args {
	bool force;
	bool regex;
};

static const struct opt delete_opts[] = {
	FLAG(struct delete_args, force, 'f', "force",
	     "Kill it when it runs; a container that does not exist is no error"),
	FLAG(struct delete_args, regex, 'r', "regex", "ID is a regular expression; all that fit"),
	{ .kind = OPT_END },
};

/* Whoever holds the lock may be waiting for a hook of it. */
static void kill_early(struct oci *o, const char *id)
{
	AUTO(oci_box) struct oci_box b = OCI_BOX_INIT;
	struct err later = ERR_INIT, gone = ERR_INIT;
	AUTO_FD int init = oci_box_open(&b, o, id, OCI_LOOK, &later) < 0 ? -1 :
			   oci_box_init(&b, &gone);

	if (init >= 0)
		(void)proc_pidfd_kill(init, SIGKILL);
}

static int delete_one(struct oci *o, const char *id, void *arg, struct err *e)
{
	AUTO(oci_box) struct oci_box b = OCI_BOX_INIT;
	const struct delete_args *a = arg;
	struct err why = ERR_INIT;
	enum oci_status status;
	int r;

	if (a->force)
		kill_early(o, id);
	r = oci_box_open(&b, o, id, OCI_CHANGE, &why);
	if (r == -ENOENT && a->force)
		return 0;
	if (r < 0)
		return err_move(e, &why);
	status = oci_box_status(&b);
	if (!a->force && (status == OCI_RUNNING || status == OCI_PAUSED))
		return err_set(e, EBUSY, "container '%s': cannot be deleted, it is %s", id,
			       oci_status_name(status));
	return oci_delete(&b, o, e);
}

static int delete_run(struct app *app, void *args, char **operands, int count UNUSED,
		      struct err *e)
{
	struct delete_args *a = args;

	return a->regex ? each_match(oci_of(app), operands[0], delete_one, a, e) :
		delete_one(oci_of(app), operands[0], a, e);
}

const struct cmd oci_cmd_delete = {
	.name = "delete",
	.summary = "Remove what is left of a container",
	.operands = "ID",
	.min = 1,
	.max = 1,
	.about = "A container that is created or has ended is removed, with its cgroup; one "
		 "that runs, only with --force.",
	.example = "coracle-oci delete --force web",
	.opts = delete_opts,
	.args_size = sizeof(struct delete_args),
	.run = delete_run,
};
