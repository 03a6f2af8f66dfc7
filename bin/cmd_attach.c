#include "bin/attach_ctr.h"
#include "bin/cmd.h"
#include "lib/base/str.h"

struct attach_args {
	bool no_stdin;
	const char *detach_keys, *sig_proxy;
};

static const struct opt attach_opts[] = {
	TEXT(struct attach_args, detach_keys, 0, "detach-keys", "KEYS", WORD_ANY,
	     "Keys that detach"),
	FLAG(struct attach_args, no_stdin, 0, "no-stdin", "Do not attach standard input"),
	CHOICE(struct attach_args, sig_proxy, 0, "sig-proxy", "true false", "Pass signals on"),
	{ .kind = OPT_END },
};

static int attach_run_cmd(struct app *app, void *args, char **operands, int count UNUSED,
			  struct err *e)
{
	const struct attach_args *a = args;
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(client) struct client client = CLIENT_INIT;
	AUTO(ctr) struct ctr c = CTR_INIT;
	AUTO_FD int run = -1;
	struct foreground f = FOREGROUND_INIT;
	bool detached;
	int r = env_init(&env, app, e);

	if (r == 0)
		r = ctr_get(&c, &env, operands[0], e);
	if (r < 0)
		return r;
	if (!c.is_running)
		return err_hint(e, err_set(e, ESRCH, "container '%s' is not running", c.row.name),
				"container.exited");
	f.tty = c.row.flags & CONTAINER_TTY;
	f.has_stdin = (c.row.flags & CONTAINER_STDIN) && !a->no_stdin;
	f.no_sig_proxy = str_eq(a->sig_proxy, "false");
	f.detach_keys = a->detach_keys;
	r = ctr_adopt(&c, &env, e);
	if (r < 0)
		return r;
	run = ctr_run_dir(&env, c.row.id, false, e);
	if (run < 0)
		return run;
	r = client_connect(&client, run, e);
	if (r == 0)
		r = attach_begin(&client, foreground_streams(&f), e);
	return r < 0 ? r : foreground_run(app, &client, &f, &detached, e);
}

static const char *const attach_aliases[] = { "container attach", NULL };

const struct cmd cmd_attach = {
	.name = "attach",
	.aliases = attach_aliases,
	.summary = "Join the terminal or streams of a running container",
	.operands = "CONTAINER",
	.operand_word = WORD_RUNNING,
	.min = 1,
	.max = 1,
	.about = "Several clients may be attached at once. The detach keys, ctrl-p ctrl-q unless "
		 "others are named, leave the container running.",
	.example = "coracle attach shell",
	.opts = attach_opts,
	.args_size = sizeof(struct attach_args),
	.fail_status = EXIT_TOOL,
	.run = attach_run_cmd,
};
