/* Looking into snapshots and images: a command that sees them mounted. */
#include <stdlib.h>
#include <string.h>

#include "bin/cmd.h"
#include "bin/env.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ctr/inside.h"

struct mount_args {
	const char *snapshotter, *target;
	bool rw;
};

#define SNAPSHOTTER								\
	TEXT(struct mount_args, snapshotter, 0, "snapshotter", "NAME", WORD_ANY, \
	     SNAP_NAMES ", instead of this machine's")

static const struct opt snapshot_opts[] = {
	FLAG(struct mount_args, rw, 0, "rw", "Let the command write to it"),
	SNAPSHOTTER,
	{ .kind = OPT_END },
};

static const struct opt image_opts[] = { SNAPSHOTTER, { .kind = OPT_END } };

struct operands {
	char *target;			/* owned */
	struct strv command;
};

static void operands_auto(struct operands *o)
{
	free_auto(&o->target);
	strv_clear(&o->command);
}

/* KEY [TARGET] [-- COMMAND [ARG...]] */
static int split(struct operands *out, struct ctr_inside *in, char **operands, int count,
		 struct err *e)
{
	int at = 1;

	if (at < count && !str_eq(operands[at], "--")) {
		out->target = realpath(operands[at], NULL);
		if (!out->target)
			return err_sys(e, "'%s'", operands[at]);
		at++;
	}
	if (at < count && str_eq(operands[at], "--"))
		at++;
	for (int i = at; i < count; i++)
		strv_add(&out->command, operands[i]);
	if (!out->command.len)
		strv_add(&out->command, str_or(getenv("SHELL"), "/bin/sh"));
	in->target = out->target;
	in->argv = out->command.v;
	return 0;
}

/* The store is closed meanwhile: a reset or an upgrade waits for all that have
 * it open. */
static int run_inside(struct app *app, struct ctr_env *env, const struct ctr_inside *in,
		      struct err *e)
{
	env_say(env, app);
	store_close(take(app->store));
	return ctr_inside_run(in, env->fuse_program, e);
}

static int open_snapshot(struct ctr_inside *in, struct ctr_env *env, const struct mount_args *a,
			 const char *key, struct err *e)
{
	AUTO(ctr_snaps) struct ctr_snaps all = CTR_SNAPS_INIT;
	const struct snap_driver *d;
	const struct ctr_snap *s;
	int r = ctr_snap_driver(&d, env, a->snapshotter, e);

	if (r == 0)
		r = ctr_snaps_list(&all, env, d->name, e);
	if (r < 0)
		return r;
	s = ctr_snaps_find(&all, key, e);
	return s ? ctr_inside_snap(in, env, s, e) : -e->code;
}

static int snapshot_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	const struct mount_args *a = args;
	AUTO(ctr_inside) struct ctr_inside in = CTR_INSIDE_INIT;
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(operands) struct operands words = { .target = NULL };
	int r = split(&words, &in, operands, count, e);

	in.read_only = !a->rw;
	if (r == 0)
		r = env_init(&env, app, e);
	if (r == 0)
		r = open_snapshot(&in, &env, a, operands[0], e);
	return r < 0 ? r : run_inside(app, &env, &in, e);
}

/* The lease is not ended: it is this process', and ends with it. */
static int image_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	const struct mount_args *a = args;
	AUTO(ctr_inside) struct ctr_inside in = CTR_INSIDE_INIT;
	AUTO(env) struct ctr_env env = { .ns = NULL };
	const struct snap_driver *d;
	struct lease lease = LEASE_INIT;
	AUTO(operands) struct operands words = { .target = NULL };
	int r = split(&words, &in, operands, count, e);

	if (r == 0)
		r = env_init(&env, app, e);
	if (r == 0)
		r = ctr_snap_driver(&d, &env, a->snapshotter, e);
	if (r == 0)
		r = lease_begin(&lease, app->store, "mount", e);
	if (r == 0)
		r = ctr_inside_image(&in, &env, &lease, d, operands[0], e);
	return r < 0 ? r : run_inside(app, &env, &in, e);
}

#define WHAT_IT_DOES								\
	"The mount is in a namespace of COMMAND's own ($SHELL without one), in which you are " \
	"root over the ids of containers; nothing is mounted for anybody else, and so there is " \
	"nothing to unmount: it is gone with the command. TARGET is an existing directory; " \
	"without it the command begins in the root of what is mounted. The exit status is the " \
	"command's."

const struct cmd cmd_snapshot_mount = {
	.name = "snapshot mount",
	.summary = "Run a command that sees a snapshot mounted",
	.operands = "KEY [TARGET] [-- COMMAND [ARG...]]",
	.operand_word = WORD_DIR,
	.min = 1,
	.max = -1,
	.stop_at_operand = true,
	.about = WHAT_IT_DOES "\n\n"
		 "With --rw it can write to an active snapshot, as one at a time; else everything "
		 "is read-only, whatever kind the snapshot is.",
	.example = "coracle snapshot mount base -- ls -l\n"
		   "coracle snapshot mount --rw work /mnt -- cp -r site /mnt/srv",
	.opts = snapshot_opts,
	.args_size = sizeof(struct mount_args),
	.fail_status = EXIT_TOOL,
	.run = snapshot_run,
};

const struct cmd cmd_image_mount = {
	.name = "image mount",
	.summary = "Run a command that sees an image mounted",
	.operands = "IMAGE [TARGET] [-- COMMAND [ARG...]]",
	.operand_word = WORD_IMAGE,
	.min = 1,
	.max = -1,
	.stop_at_operand = true,
	.about = WHAT_IT_DOES "\n\n"
		 "It is read-only: 'coracle snapshot prepare' makes a snapshot of an image that "
		 "can be written to.",
	.example = "coracle image mount alpine -- cat etc/os-release\n"
		   "coracle image mount debian:12 /mnt",
	.opts = image_opts,
	.args_size = sizeof(struct mount_args),
	.fail_status = EXIT_TOOL,
	.run = image_run,
};
