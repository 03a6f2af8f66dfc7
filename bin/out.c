/* What commands say, on which stream. */
#include <stdio.h>
#include <string.h>

#include "bin/app.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

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
		fprintf(stderr, "%s: standard output: %s\n", cmd_program.name,
			str_errno(-r));
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
	fprintf(stderr, "%s: %s\n", cmd_program.name, text.data);
}

void app_error(const struct app *app, const struct err *e)
{
	bool is_full = e->code == ENOSPC || e->code == EDQUOT;
	const char *hint = hint_text(e->key ? e->key : is_full ? "store.full" : NULL);

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
