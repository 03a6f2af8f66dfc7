/* app.h - what every command needs: settings, the store, words for people.
 *
 * The app is made by main() from the environment and the global options; it
 * is the only reader of both below the commands.  The store is opened by the
 * first command that asks for it.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "bin/cmd.h"
#include "lib/base/buf.h"

struct store;

struct app {
	const char *program;		/* "coracle", as it was called */
	const char *ns;			/* logical namespace */
	char *data_dir;			/* $XDG_DATA_HOME/coracle */
	char *local_dir;		/* for what that cannot hold; outlives a boot */
	char *run_dir;			/* $XDG_RUNTIME_DIR/coracle, or its stand-in */
	char *cache_dir;
	char *config_dir;		/* $XDG_CONFIG_HOME/coracle */
	char *run_fallback;		/* where shims go when it disappears */
	bool run_dir_is_fallback;
	mode_t umask;			/* the caller's, for files that are the user's */
	struct store *store;
	size_t notices_said;		/* of the store's */
	struct buf out;			/* stdout, flushed when large and at the end */
	int saved_argc;			/* the whole command line, for coracle-image */
	char **saved_argv;
};

int app_init(struct app *app, char **argv, int argc, struct err *e) MUST_CHECK;
void app_clear(struct app *app);

/* Opens the store once; notices it has are printed once. */
int app_store(struct app *app, struct err *e) MUST_CHECK;

/* Exit statuses (STYLE A.7; 125-127 are docker's). */
enum {
	EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NO_STDOUT = 3,
	EXIT_TOOL = 125, EXIT_CANNOT_RUN = 126, EXIT_NOT_FOUND = 127,
};

/* Primary output.  Flushed by app_flush(), whose failure is EXIT_NO_STDOUT. */
void app_printf(struct app *app, const char *fmt, ...) PRINTF(2, 3);
int app_flush(struct app *app);

/* Talk to people, on stderr: "coracle: ..." */
void app_say(const struct app *app, const char *fmt, ...) PRINTF(2, 3);

/* The error and its hint, on stderr. */
void app_error(const struct app *app, const struct err *e);

/* The path of another program of ours: beside this one, else in libexec. */
int app_program(const char *name, char **path, struct err *e) MUST_CHECK;

/* Does the same for every operand, reports each failure, returns the status. */
typedef int app_each_fn(struct app *app, const char *operand, void *arg, struct err *e);
int app_each(struct app *app, char **operands, int count, app_each_fn *fn, void *arg);

/* Asks on the terminal; no terminal is "no". */
bool app_confirm(const struct app *app, const char *question);

/* The text behind a hint key, or NULL (bin/hint.c). */
const char *hint_text(const char *key);
