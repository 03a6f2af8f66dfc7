#include "bin/image_output.h"

#include <fcntl.h>
#include <stdio.h>

#include "lib/base/mem.h"

int image_output_open(struct image_output *out, const struct app *app, const char *path,
		      struct err *e)
{
	*out = (struct image_output){ .path = path, .fd = STDOUT_FILENO };
	if (!path)
		return isatty(STDOUT_FILENO) ?
			err_set(e, EINVAL, "standard output is a terminal; name a file with -o") :
			0;
	out->part = mem_printf("%s.part", path);
	out->fd = open(out->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666 & ~app->umask);
	if (out->fd >= 0)
		return 0;
	(void)err_sys(e, "create '%s'", out->part);
	free_auto(&out->part);
	return -e->code;
}

int image_output_end(struct image_output *o, int r, struct err *e)
{
	if (!o->part)
		return r;
	fd_auto(&o->fd);
	if (r == 0 && rename(o->part, o->path) < 0)
		r = err_sys(e, "rename '%s' to '%s'", o->part, o->path);
	if (r < 0)
		(void)unlink(o->part);
	free_auto(&o->part);
	return r;
}
