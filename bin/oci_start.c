/* coracle-oci start, run: the program of a created container begins. */
#include <stdio.h>
#include <string.h>

#include "bin/oci.h"
#include "bin/oci_notify.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"

int oci_start(struct oci_box *b, int *notify_fd, struct err *e)
{
	AUTO(buf) struct buf plan = BUF_INIT(MAX_PLAN);
	struct rt_container c = RT_CONTAINER_INIT;
	struct rt_args a = RT_ARGS_INIT;
	struct err late = ERR_INIT;
	enum oci_status status = oci_box_status(b);
	int r;

	if (status != OCI_CREATED)
		return err_set(e, EBADF, "container '%s': cannot be started, it is %s", b->id,
			       oci_status_name(status));
	r = oci_box_plan(&plan, b, e);
	if (r == 0)
		r = oci_notify_listen(notify_fd, b, e);
	if (r == 0)
		r = rt_connect(&c, b->state.init.pid, b->dir, OCI_START, e);
	if (r < 0)
		return r;
	a.plan = plan.data;
	a.plan_len = plan.len;
	r = rt_go(&c, &a, e);
	rt_clear(&c);
	/* Also of one that could not be started: its init is gone. */
	(void)unlinkat(b->dir, OCI_START, 0);
	oci_box_unlock(b);
	if (r == 0)
		r = rt_run_hooks(plan.data, SPEC_HOOK_POSTSTART, b->state.init.pid, NULL, NULL, e);
	if (r == 0)
		return 0;
	/* Our caller's next command finds it stopped. */
	(void)!oci_end_init(b, &late);
	return err_ctx(e, r, "container '%s'", b->id);
}

static int start_run(struct app *app, void *args UNUSED, char **operands, int count UNUSED,
		     struct err *e)
{
	AUTO(oci_box) struct oci_box b = OCI_BOX_INIT;
	AUTO_FD int notify_fd = -1;
	int r = oci_box_open(&b, oci_of(app), operands[0], OCI_CHANGE, e);

	if (r == 0)
		r = oci_start(&b, &notify_fd, e);
	return r < 0 ? r : oci_notify_proxy(notify_fd, &b, e);
}

const struct cmd oci_cmd_start = {
	.name = "start",
	.summary = "Run the program of a created container",
	.operands = "ID",
	.min = 1,
	.max = 1,
	.example = "coracle-oci start web",
	.run = start_run,
};

/* --- run --- */

struct run_args {
	struct oci_create_opts create;
	bool no_subreaper;
};

static const struct opt run_opts[] = {
	OPTS(struct run_args, create, oci_create_options),
	FLAG(struct run_args, create.detach, 'd', "detach", "Return when the program runs"),
	FLAG(struct run_args, create.keep, 0, "keep", "Do not delete the container at its end"),
	FLAG(struct run_args, no_subreaper, 0, "no-subreaper",
	     "Do not adopt processes that the container leaves behind"),
	{ .kind = OPT_END },
};

/* Whoever was faster has done it. */
static int delete_again(const char *id, struct oci *o, struct err *e)
{
	AUTO(oci_box) struct oci_box b = OCI_BOX_INIT;
	struct err why = ERR_INIT;
	int r = oci_box_open(&b, o, id, OCI_CHANGE, &why);

	if (r == -ENOENT)
		return 0;
	return r < 0 ? err_move(e, &why) : oci_delete(&b, o, e);
}

static void give_up(struct oci_box *b, struct oci *o)
{
	struct err why = ERR_INIT;

	oci_box_unlock(b);
	if (delete_again(b->id, o, &why) < 0)
		oci_warn(o, "%s", why.text);
}

int oci_attend(const struct oci_box *b, struct oci *o, const struct rt_container *c,
	       int notify_fd, bool keep, struct err *e)
{
	const struct oci_child child = { c->pid, c->pidfd, c->console_fd, notify_fd };
	int status = 0;
	int r = oci_foreground(&status, &child, o, e);

	if (r == 0 && !keep)
		r = delete_again(b->id, o, e);
	return r < 0 ? r : status;
}

static int run_run(struct app *app, void *args, char **operands, int count UNUSED,
		   struct err *e)
{
	AUTO(oci_box) struct oci_box b = OCI_BOX_INIT;
	struct rt_container c = RT_CONTAINER_INIT;
	struct oci *o = oci_of(app);
	struct run_args *a = args;
	AUTO_FD int notify_fd = -1;
	int r = a->create.detach ? 0 : oci_hold_signals(!a->no_subreaper, e);

	if (r < 0)
		return r;
	a->create.foreground = !a->create.detach;
	r = oci_create(&b, &c, o, operands[0], &a->create, e);
	if (r < 0)
		return r;
	r = oci_start(&b, &notify_fd, e);
	if (r < 0)
		give_up(&b, o);
	else if (a->create.detach)
		r = oci_notify_proxy(notify_fd, &b, e);
	else
		r = oci_attend(&b, o, &c, notify_fd, a->create.keep, e);
	rt_clear(&c);
	return r;
}

const struct cmd oci_cmd_run = {
	.name = "run",
	.summary = "Create a container, start it, and delete it at its end",
	.operands = "ID",
	.min = 1,
	.max = 1,
	.about = "Create and start in one.  Without --detach the exit status is the "
		 "container's, signals are passed on, and the container is deleted at its end.",
	.example = "coracle-oci run -b ./bundle web",
	.opts = run_opts,
	.args_size = sizeof(struct run_args),
	.run = run_run,
};
