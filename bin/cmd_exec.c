#include "bin/attach_ctr.h"
#include "bin/cmd.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/ctr/exec.h"
#include "lib/fmt/env.h"

struct exec_args {
	bool detach, interactive, tty, privileged;
	const char *detach_keys, *user, *workdir;
	struct strv env, env_file;
};

static const struct opt exec_opts[] = {
	FLAG(struct exec_args, detach, 'd', "detach", "Run in the background"),
	TEXT(struct exec_args, detach_keys, 0, "detach-keys", "KEYS", WORD_ANY, "Keys that detach"),
	LIST(struct exec_args, env, 'e', "env", "KEY[=VALUE]", WORD_ANY, "Set a variable"),
	LIST(struct exec_args, env_file, 0, "env-file", "FILE", WORD_FILE,
	     "Set the variables of a file"),
	FLAG(struct exec_args, interactive, 'i', "interactive", "Pass standard input on"),
	FLAG(struct exec_args, privileged, 0, "privileged",
	     "Give it all capabilities of the namespace"),
	FLAG(struct exec_args, tty, 't', "tty", "Give it a terminal"),
	TEXT(struct exec_args, user, 'u', "user", "USER[:GROUP]", WORD_ANY, "Run as this user"),
	TEXT(struct exec_args, workdir, 'w', "workdir", "DIR", WORD_ANY, "Start in this directory"),
	{ .kind = OPT_END },
};

static void exec_clear(void *args)
{
	strv_clear(&((struct exec_args *)args)->env);
	strv_clear(&((struct exec_args *)args)->env_file);
}

static int exec_env(struct strv *out, const struct exec_args *a, struct err *e)
{
	AUTO(strv) struct strv ours = STRV_INIT;
	int r = 0;

	for (char **p = environ; (a->env.len || a->env_file.len) && *p; p++)
		strv_add(&ours, *p);
	for (size_t i = 0; r == 0 && i < a->env_file.len; i++) {
		AUTO(buf) struct buf text = BUF_INIT(MAX_ENV_FILE);

		r = fs_read(AT_FDCWD, a->env_file.v[i], &text, e);
		if (r == 0)
			r = env_parse_file(out, text.data, text.len, a->env_file.v[i], &ours, e);
	}
	for (size_t i = 0; r == 0 && i < a->env.len; i++)
		r = env_add(out, a->env.v[i], &ours, e);
	return r;
}

static int exec_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	const struct exec_args *a = args;
	AUTO(env) struct ctr_env env = { .ns = NULL };
	AUTO(client) struct client client = CLIENT_INIT;
	AUTO(ctr) struct ctr c = CTR_INIT;
	AUTO(strv) struct strv vars = STRV_INIT, command = STRV_INIT;
	struct client_exec started = CLIENT_EXEC_INIT;
	struct ctr_exec_opts o = {
		.args = &command, .env = &vars, .user = a->user, .workdir = a->workdir,
		.privileged = a->privileged, .tty = a->tty && !a->detach,
		.has_stdin = a->interactive && !a->detach, .detach = a->detach,
	};
	struct foreground f = {
		.tty = o.tty, .has_stdin = o.tty && o.has_stdin, .no_output = !o.tty,
		.detach_keys = a->detach_keys,
	};
	bool detached;
	int status;
	int r;

	if (o.tty && o.has_stdin && !isatty(STDIN_FILENO))
		return err_set(e, ENOTTY, "-t: standard input is not a terminal");
	r = env_init(&env, app, e);
	for (int i = 1; i < count; i++)
		strv_add(&command, operands[i]);
	if (o.tty)
		foreground_size(&o.rows, &o.cols);
	if (r == 0)
		r = exec_env(&vars, a, e);
	if (r == 0)
		r = ctr_get(&c, &env, operands[0], e);
	if (r < 0)
		return r;
	r = ctr_exec(&client, &started, &env, &c, &o, &status, e);
	env_say(&env, app);
	if (r < 0) {
		app_error(app, e);
		err_clear(e);
		return status;
	}
	if (a->detach)
		return EXIT_DONE;
	f.exec_id = started.id;
	f.pty = started.pty;
	r = foreground_run(app, &client, &f, &detached, e);
	fd_auto(&started.pty);
	return r;
}

static const char *const exec_aliases[] = { "container exec", "task exec", NULL };

const struct cmd cmd_exec = {
	.name = "exec",
	.aliases = exec_aliases,
	.summary = "Run a command in a running container",
	.operands = "CONTAINER COMMAND [ARG...]",
	.operand_word = WORD_RUNNING,
	.min = 2,
	.max = -1,
	.stop_at_operand = true,
	.about = "Run COMMAND in the container's namespaces, with its environment and limits. "
		 "The exit status is the command's, or 125, 126, 127 as of 'coracle run'.",
	.example = "coracle exec -it web sh\ncoracle exec -u postgres db pg_dump app",
	.opts = exec_opts,
	.args_size = sizeof(struct exec_args),
	.clear = exec_clear,
	.fail_status = EXIT_TOOL,
	.run = exec_run,
};
