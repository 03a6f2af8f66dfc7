#include <jansson.h>
#include <sys/utsname.h>

#include "bin/app.h"
#include "lib/fmt/platform.h"
#include "lib/fmt/table.h"

struct version_args {
	const char *format;
};

static const struct opt version_opts[] = {
	TEXT(struct version_args, format, 'f', "format", "FORMAT", WORD_ANY,
	     "json, or a Go template"),
	{ .kind = OPT_END },
};

static json_t *describe(void)
{
	struct platform host;
	struct utsname u = { .release = "" };

	(void)uname(&u);
	platform_host(&host, u.sysname, u.machine);
	return json_pack("{s:{s:s, s:s, s:s, s:s, s:s, s:s}}", "Client", "Name", "coracle",
			 "Version", VERSION, "Os", host.os, "Arch", host.arch,
			 "KernelVersion", u.release, "Compiler", __VERSION__);
}

static int version_run(struct app *app, void *args, char **operands UNUSED, int count UNUSED,
		       struct err *e)
{
	const struct version_args *a = args;
	json_t *about;
	int r;

	if (!a->format) {
		app_printf(app, "coracle %s\n", VERSION);
		return EXIT_DONE;
	}
	about = describe();
	r = table_print_object(&app->out, a->format, about, e);
	json_decref(about);
	return r;
}

const struct cmd cmd_version = {
	.name = "version",
	.summary = "Print the version",
	.max = 0,
	.example = "coracle version\ncoracle version --format '{{.Client.Version}}'",
	.opts = version_opts,
	.args_size = sizeof(struct version_args),
	.run = version_run,
};
