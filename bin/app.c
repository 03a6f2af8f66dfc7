#include "bin/app.h"

#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/store/store.h"

static const char *home(void)
{
	const char *dir = getenv("HOME");
	struct passwd *pw;

	if (!str_is_empty(dir))
		return dir;
	pw = getpwuid(getuid());
	return pw && !str_is_empty(pw->pw_dir) ? pw->pw_dir : "/";
}

/* $VARIABLE/coracle, or the default below home.  The base directory standard
 * says to ignore relative values. */
static char *xdg_dir(const char *variable, const char *below_home)
{
	const char *dir = getenv(variable);

	if (!str_is_empty(dir) && dir[0] == '/')
		return mem_printf("%s/coracle", dir);
	return mem_printf("%s/%s/coracle", home(), below_home);
}

static bool is_ours(const char *dir)
{
	struct stat st;

	return stat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == getuid() &&
	       !(st.st_mode & 0022);
}

/* Where running containers keep their state: the user's runtime directory,
 * which ends with the boot; else a private directory of ours in TMPDIR. */
static int choose_run_dir(struct app *app, struct err *e)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	const char *tmp = getenv("TMPDIR");
	AUTO_FREE char *standard = mem_printf("/run/user/%u", getuid());
	AUTO_FD int fd = -1;
	int r;

	app->run_fallback = mem_printf("%s/coracle-%u", str_or(tmp, "/tmp"), getuid());

	if (!str_is_empty(dir) && dir[0] == '/' && is_ours(dir)) {
		app->run_dir = mem_printf("%s/coracle", dir);
		return 0;
	}
	if (is_ours(standard)) {
		app->run_dir = mem_printf("%s/coracle", standard);
		return 0;
	}
	fd = fs_mkdirs(AT_FDCWD, app->run_fallback, 0700, e);
	if (fd < 0)
		return fd;
	r = fs_check_private(fd, app->run_fallback, e);
	if (r < 0)
		return r;
	app->run_dir = mem_str(app->run_fallback);
	app->run_dir_is_fallback = true;
	return 0;
}

int app_init(struct app *app, char **argv, int argc, struct err *e)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;

	*app = (struct app){
		.program = slash ? slash + 1 : "coracle",
		.ns = str_or(getenv("CORACLE_NAMESPACE"), "default"),
		.out = BUF_INIT(SIZE_MAX / 2),
		.saved_argv = argv,
		.saved_argc = argc,
	};
	app->data_dir = xdg_dir("XDG_DATA_HOME", ".local/share");
	app->cache_dir = xdg_dir("XDG_CACHE_HOME", ".cache");
	app->config_dir = xdg_dir("XDG_CONFIG_HOME", ".config");
	return choose_run_dir(app, e);
}

void app_clear(struct app *app)
{
	store_close(app->store);
	free(app->data_dir);
	free(app->run_dir);
	free(app->run_fallback);
	free(app->cache_dir);
	free(app->config_dir);
	buf_clear(&app->out);
}

int app_store(struct app *app, struct err *e)
{
	struct store_options options = { .root = app->data_dir, .create = true };
	const struct strv *notices;
	int r;

	if (app->store)
		return 0;
	r = store_open(&app->store, &options, e);
	if (r == -EPROTONOSUPPORT)
		(void)err_hint(e, r, "store.newer");
	if (r < 0)
		return err_ctx(e, r, "store '%s'", app->data_dir);
	notices = store_notices(app->store);
	for (size_t i = 0; i < notices->len; i++)
		app_say(app, "%s", notices->v[i]);
	return 0;
}

void app_printf(struct app *app, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	buf_addv(&app->out, fmt, args);
	va_end(args);
	if (app->out.len > KIB(64))
		(void)app_flush(app);
}

int app_flush(struct app *app)
{
	struct err e = ERR_INIT;
	int r = fs_write_all(STDOUT_FILENO, app->out.data, app->out.len, &e);

	if (r < 0 && app->out.len)
		fprintf(stderr, "coracle: standard output: %s\n", str_errno(-r));
	buf_reset(&app->out);
	return r;
}

void app_say(const struct app *app UNUSED, const char *fmt, ...)
{
	AUTO(buf) struct buf text = BUF_INIT(KIB(16));
	va_list args;

	va_start(args, fmt);
	buf_addv(&text, fmt, args);
	va_end(args);
	str_mask(text.data);
	fprintf(stderr, "coracle: %s\n", text.data);
}

void app_error(const struct app *app, const struct err *e)
{
	const char *hint = hint_text(e->key ? e->key : e->code == ENOSPC ? "store.full" : NULL);

	app_say(app, "%s", e->text);
	if (hint)
		fprintf(stderr, "hint: %s\n", hint);
}

int app_program(const char *name, char **path, struct err *e)
{
	char self[MAX_PATH];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	AUTO_FREE char *beside = NULL;
	char *slash;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash) {
			*slash = '\0';
			beside = mem_printf("%s/%s", self, name);
		}
		if (beside && access(beside, X_OK) == 0) {
			*path = take(beside);
			return 0;
		}
	}
	*path = mem_printf("%s/%s", LIBEXECDIR, name);
	if (access(*path, X_OK) == 0)
		return 0;
	n = err_sys(e, "find the program '%s'", name);
	free(*path);
	*path = NULL;
	return (int)n;
}

int app_each(struct app *app, char **operands, int count, app_each_fn *fn, void *arg)
{
	int status = EXIT_DONE;

	for (int i = 0; i < count; i++) {
		struct err e = ERR_INIT;

		if (fn(app, operands[i], arg, &e) < 0) {
			app_error(app, &e);
			status = EXIT_FAILED;
		}
	}
	return status;
}

bool app_confirm(const struct app *app UNUSED, const char *question)
{
	char answer[8] = "";

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return false;
	fprintf(stderr, "%s [y/N] ", question);
	if (!fgets(answer, sizeof(answer), stdin))
		return false;
	return answer[0] == 'y' || answer[0] == 'Y';
}
