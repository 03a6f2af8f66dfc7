#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bin/doc.h"
#include "bin/run_cmd.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"

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

/* "image", "image -h", "image foo", "foo" */
static int no_command(struct app *app, char **argv, int argc, struct err *e)
{
	AUTO(buf) struct buf group = BUF_INIT(KIB(16));
	bool is_group = doc_group(argv[0], &group);

	if (is_group && argc > 1 && (str_eq(argv[1], "-h") || str_eq(argv[1], "--help"))) {
		buf_add(&app->out, group.data, group.len);
		return EXIT_DONE;
	}
	if (!is_group)
		(void)err_set(e, EINVAL, "'%s' is not a command", argv[0]);
	else if (argc > 1)
		(void)err_set(e, EINVAL, "'%s %s' is not a command", argv[0], argv[1]);
	else
		(void)err_set(e, EINVAL, "a command of '%s' is missing", argv[0]);
	app_error(app, e);
	err_clear(e);
	fprintf(stderr, "'coracle %s%s-h' lists the commands\n", is_group ? argv[0] : "",
		is_group ? " " : "");
	return EXIT_USAGE;
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
		return no_command(app, argv, argc, e);
	}
	app_error(app, e);
	err_clear(e);
	fprintf(stderr, "'coracle -h' lists the commands\n");
	return EXIT_USAGE;
}

int run_main(int argc, char **argv, dispatch_fn *dispatch)
{
	struct err e = ERR_INIT;
	struct app app;
	int status;

	json_needs_memory();
	run_open_stdio();
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
