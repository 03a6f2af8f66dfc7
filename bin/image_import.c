#include <fcntl.h>

#include "bin/image_args.h"
#include "bin/image_env.h"
#include "bin/image_made.h"
#include "bin/row_image.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/fmt/platform.h"
#include "lib/image/import.h"

/* A descriptor of the archive. */
static int open_archive(const char *path, struct err *e)
{
	int fd;

	if (str_starts(path, "http://") || str_starts(path, "https://"))
		return err_set(e, EOPNOTSUPP, "'%s': fetch it yourself and give it as '-'", path);
	if (str_eq(path, "-")) {
		if (isatty(STDIN_FILENO))
			return err_set(e, EINVAL, "standard input is a terminal; name a file");
		fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	} else {
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	return fd < 0 ? err_sys(e, "open '%s'", path) : fd;
}

int import_run(struct app *app, void *args, char **operands, int count, struct err *e)
{
	const struct import_args *a = args;
	AUTO(image_tool) struct image_tool tool;
	AUTO(platform) struct platform platform = PLATFORM_INIT;
	AUTO(buf) struct buf name = BUF_INIT(KIB(4));
	AUTO_FD int fd = -1;
	struct import_options o = {
		.ns = app->ns, .message = a->message, .changes = &a->changes,
		.platform = &platform,
	};
	struct make_result made;
	struct made_time time;
	int r = image_tool_init(&tool, app, NULL, a->quiet, e);

	if (r == 0)
		r = want_platform(&platform, a->platform, e);
	if (r == 0 && count > 1)
		r = image_canonical(&name, operands[1], e);
	if (r == 0)
		r = made_time(&time, a->epoch, e);
	if (r < 0)
		return r;
	fd = open_archive(operands[0], e);
	if (fd < 0)
		return err_ctx(e, fd, "import");
	o.fd = fd;
	o.name = name.len ? name.data : NULL;
	o.created_ns = time.ns;
	o.env = tool.env;
	r = image_import(&made, &o, e);
	progress_end(&tool.progress);
	if (r < 0)
		return err_ctx(e, r, "import '%s'", operands[0]);
	made_report(app, &made, o.name);
	return EXIT_DONE;
}
