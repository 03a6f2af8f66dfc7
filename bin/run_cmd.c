#include "bin/run_cmd.h"

#include <fcntl.h>
#include <stdio.h>

#include "bin/doc.h"
#include "lib/base/mem.h"

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
		fprintf(stderr, "'%s %s --help' shows the usage\n", cmd_program.name, c->name);
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

/* Whatever our caller did with descriptors 0, 1, 2, they are open in us.  A
 * stdout that was closed is one that cannot be written to. */
void run_open_stdio(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", fd == STDOUT_FILENO ? O_RDONLY : O_RDWR);
}
