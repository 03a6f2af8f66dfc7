#include "bin/attach_ctr.h"

#include "lib/base/str.h"

uint32_t foreground_streams(const struct foreground *f)
{
	return SHIM_ATTACH_OUTPUT | (f->has_stdin ? SHIM_ATTACH_STDIN : 0);
}

void foreground_size(uint16_t *rows, uint16_t *cols)
{
	if (!attach_window(STDOUT_FILENO, rows, cols) && !attach_window(STDIN_FILENO, rows, cols))
		*rows = *cols = 0;
}

int foreground_run(struct app *app, struct client *client, const struct foreground *f,
		   bool *detached, struct err *e)
{
	struct attach_opts o = {
		.in = f->has_stdin ? STDIN_FILENO : -1,
		.out = f->no_output ? -1 : STDOUT_FILENO,
		.err = f->no_output ? -1 : STDERR_FILENO,
		.tty = f->tty,
		.sig_proxy = !f->no_sig_proxy && !f->tty,
		.exec_id = f->exec_id,
		.pty = f->pty,
	};
	struct attach_result result = { .exit_code = 0 };
	int r = attach_keys_parse(&o.keys, f->detach_keys ? f->detach_keys : ATTACH_KEYS_DEFAULT,
				  e);

	*detached = false;
	if (r == 0)
		r = attach_run(&result, client, &o, e);
	if (r < 0)
		return r;
	if (result.end == ATTACH_DETACHED) {
		*detached = true;
		return EXIT_DONE;
	}
	if (result.exit_code < 0) {
		app_say(app, "the exit status is unknown");
		return EXIT_TOOL;
	}
	return result.exit_code;
}
