#include "bin/cmd.h"
#include "bin/env.h"
#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/ctr/logs.h"

struct logs_args {
	bool follow, timestamps, raw;
	const char *since, *until, *tail;
};

static const struct opt logs_opts[] = {
	FLAG(struct logs_args, follow, 'f', "follow", "Go on until the container ends"),
	FLAG(struct logs_args, raw, 0, "raw", "Leave control characters in, on a terminal too"),
	TEXT(struct logs_args, since, 0, "since", "TIME", WORD_ANY,
	     "From then on (RFC 3339, Unix time, 10m)"),
	TEXT(struct logs_args, tail, 'n', "tail", "LINES", WORD_ANY, "Only the last lines, or all"),
	FLAG(struct logs_args, timestamps, 't', "timestamps", "Put the time before each line"),
	TEXT(struct logs_args, until, 0, "until", "TIME", WORD_ANY, "Up to then"),
	{ .kind = OPT_END },
};

static int logs_times(struct logs_opts *o, const struct logs_args *a, struct err *e)
{
	uint64_t now = clock_wall_ns();
	int r = 0;

	if (a->since)
		r = num_time(a->since, now, &o->since_ns, e);
	if (r == 0 && a->until)
		r = num_time(a->until, now, &o->until_ns, e);
	if (r == 0 && a->tail && !str_eq(a->tail, "all"))
		r = num_u64(a->tail, 0, LOGS_ALL - 1, &o->tail, e);
	return r;
}

struct followed {
	struct ctr_env *env;
	const char *name;
};

/* Without a shim nothing more would come. */
static int adopt_followed(void *arg, struct err *e)
{
	struct followed *f = arg;
	AUTO(ctr) struct ctr c = CTR_INIT;
	int r = ctr_get(&c, f->env, f->name, e);

	return r < 0 ? r : ctr_adopt(&c, f->env, e);
}

static int logs_run(struct app *app, void *args, char **operands, int count UNUSED, struct err *e)
{
	const struct logs_args *a = args;
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(ctr) struct ctr c = CTR_INIT;
	struct err absent = ERR_INIT;
	AUTO_FD int data = -1, run = -1;
	struct logs_opts o = {
		.until_ns = UINT64_MAX, .tail = LOGS_ALL, .timestamps = a->timestamps,
		.mask = !a->raw && isatty(STDOUT_FILENO), .out = STDOUT_FILENO,
		.err = STDERR_FILENO, .adopt = adopt_followed,
		.arg = &(struct followed){ &env, operands[0] },
	};
	int r = env_init(&env, app, e);

	if (r == 0)
		r = logs_times(&o, a, e);
	if (r == 0)
		r = ctr_get(&c, &env, operands[0], e);
	if (r < 0)
		return r;
	data = container_open_dir(env.store, env.ns, c.row.id, e);
	if (data < 0)
		return data;
	if (c.is_running)
		run = ctr_run_dir(&env, c.row.id, false, &absent);
	/* The terminal of a container is its output: no masking there either. */
	o.mask = o.mask && !(c.row.flags & CONTAINER_TTY);
	o.follow = a->follow && c.is_running;
	o.run_fd = run;
	r = logs_print(data, &o, e);
	if (r == -ENOENT && c.row.state != CONTAINER_EXITED && !c.is_running) {
		err_clear(e);
		r = 0;
	}
	return r;
}

static const char *const logs_aliases[] = { "container logs", NULL };

const struct cmd cmd_logs = {
	.name = "logs",
	.aliases = logs_aliases,
	.summary = "Show what a container has written",
	.operands = "CONTAINER",
	.operand_word = WORD_CONTAINER,
	.min = 1,
	.max = 1,
	.about = "Print the container's standard output and error to ours.",
	.example = "coracle logs -f --tail 20 web",
	.opts = logs_opts,
	.args_size = sizeof(struct logs_args),
	.run = logs_run,
};
