#include "bin/run_cmd.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bin/doc.h"
#include "lib/base/fd.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

int run_cmd(struct app *app, const struct cmd *c, cmd_fn *run, char **argv,
	    int argc, struct err *e)
{
	AUTO_FREE char *args = mem_zero(c->args_size, 1);
	char **operands;
	int count;
	int r = cmd_parse(c, args, argv, argc, &operands, &count, e);

	if (r == 1) {
		doc_help(c, &app->out);
		r = 0;
	} else if (r < 0) {
		app_error(app, e);
		err_clear(e);
		fprintf(stderr, "'coracle %s --help' shows the usage\n", c->name);
		r = c->fail_status ? c->fail_status : EXIT_USAGE;
	} else {
		r = run(app, args, operands, count, e);
	}
	if (r < 0 && c->fail_status) {
		app_error(app, e);
		err_clear(e);
		r = c->fail_status;
	}
	if (c->clear)
		c->clear(args);
	return r;
}

/* The options before the command.  1: the answer is already in app->out. */
static int global_options(struct app *app, char ***argv, int *argc, struct err *e)
{
	while (*argc && (*argv)[0][0] == '-') {
		const char *word = *(*argv)++;
		const char *value = NULL;

		--*argc;
		if (str_eq(word, "-h") || str_eq(word, "--help")) {
			doc_overview(&app->out);
			return 1;
		}
		if (str_eq(word, "--version") || str_eq(word, "-v")) {
			app_printf(app, "coracle %s\n", VERSION);
			return 1;
		}
		if (str_eq(word, "-n") || str_eq(word, "--namespace") ||
		    str_eq(word, "--data-dir")) {
			if (!*argc)
				return err_set(e, EINVAL, "%s: its value is missing", word);
			value = *(*argv)++;
			--*argc;
		} else if (strchr(word, '=')) {
			value = strchr(word, '=') + 1;
		}
		if (value && (str_eq(word, "-n") || str_starts(word, "--namespace"))) {
			app->ns = value;
		} else if (value && str_starts(word, "--data-dir")) {
			free(app->data_dir);
			app->data_dir = mem_str(value);
		} else {
			return err_set(e, EINVAL, "%s: no such option", word);
		}
	}
	if (!str_is_name(app->ns))
		return err_set(e, EINVAL, "'%s' is not a name for a namespace", app->ns);
	return 0;
}

static int find_and_run(struct app *app, char **argv, int argc, dispatch_fn *dispatch,
			struct err *e)
{
	const struct cmd *c;
	int words;
	int r = global_options(app, &argv, &argc, e);

	if (r == 1)
		return EXIT_DONE;
	if (r == 0 && !argc)
		r = err_set(e, EINVAL, "a command is missing");
	if (r == 0) {
		c = cmd_find(argv, argc, &words);
		if (c)
			return dispatch(app, c, argv + words, argc - words, e);
		(void)err_set(e, EINVAL, "'%s' is not a command", argv[0]);
	}
	app_error(app, e);
	err_clear(e);
	fprintf(stderr, "'coracle -h' lists the commands\n");
	return EXIT_USAGE;
}

/* Whatever our caller did with descriptors 0, 1, 2, they are open in us.  A
 * stdout that was closed is one that cannot be written to. */
static void open_stdio(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR);
}

int run_main(int argc, char **argv, dispatch_fn *dispatch)
{
	struct err e = ERR_INIT;
	struct app app;
	int status;

	open_stdio();
	signal(SIGPIPE, SIG_IGN);
	status = app_init(&app, argv, argc, &e);
	/* What is ours has the modes that the code says, whatever the caller's
	 * mask: a container's files, and a store that we can enter. */
	app.umask = umask(022);
	if (status == 0)
		status = find_and_run(&app, argv + 1, argc - 1, dispatch, &e);
	if (status < 0) {
		app_error(&app, &e);
		status = EXIT_FAILED;
	}
	if (app_flush(&app) < 0 && status == EXIT_DONE)
		status = EXIT_NO_STDOUT;
	app_clear(&app);
	return status;
}
