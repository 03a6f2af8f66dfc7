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
	app->local_dir = mem_printf("/var/tmp/coracle-%u", getuid());
	app->cache_dir = xdg_dir("XDG_CACHE_HOME", ".cache");
	app->config_dir = xdg_dir("XDG_CONFIG_HOME", ".config");
	return choose_run_dir(app, e);
}

static void say_notices(struct app *app)
{
	const struct strv *v = app->store ? store_notices(app->store) : NULL;

	for (; v && app->notices_said < v->len; app->notices_said++)
		app_say(app, "%s", v->v[app->notices_said]);
}

void app_clear(struct app *app)
{
	say_notices(app);
	store_close(app->store);
	free(app->data_dir);
	free(app->local_dir);
	free(app->run_dir);
	free(app->run_fallback);
	free(app->cache_dir);
	free(app->config_dir);
	buf_clear(&app->out);
}

int app_store(struct app *app, struct err *e)
{
	const struct store_options options = {
		.root = app->data_dir, .local = app->local_dir, .create = true,
	};
	int r;

	if (app->store)
		return 0;
	r = store_open(&app->store, &options, e);
	if (r == -EPROTONOSUPPORT)
		(void)err_hint(e, r, "store.newer");
	if (r < 0)
		return err_ctx(e, r, "store '%.500s'", app->data_dir);
	say_notices(app);
	return 0;
}
