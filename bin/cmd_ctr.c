#include <string.h>
#include <unistd.h>

#include "bin/cmd_ctr.h"
#include "bin/ctr_words.h"
#include "bin/doc.h"
#include "lib/base/str.h"

int ctr_run(struct app *app, char **argv, int argc, struct err *e)
{
	AUTO(strv) struct strv line = STRV_INIT;
	AUTO_FREE char *self = NULL;
	int r = app_program("coracle", &self, e);

	if (!argc || str_eq(argv[0], "-h") || str_eq(argv[0], "--help")) {
		doc_help(&cmd_ctr, &app->out);
		return argc ? EXIT_DONE : EXIT_USAGE;
	}
	strv_add(&line, "coracle");
	strv_add(&line, "--data-dir");
	strv_add(&line, app->data_dir);
	strv_add(&line, "--namespace");
	strv_add(&line, app->ns);
	if (r < 0)
		return r;
	if (ctr_words(&line, argv, argc, e) < 0) {
		app_error(app, e);
		err_clear(e);
		return EXIT_USAGE;
	}
	execv(self, strv_args(&line));
	return err_sys(e, "run '%s'", self);
}

const struct cmd cmd_ctr = {
	.name = "ctr",
	.summary = "Take a line of containerd's ctr",
	.operands = "[OPTION...] COMMAND [ARG...]",
	.max = -1,
	.stop_at_operand = true,
	.about = "Commands, aliases and flags are those of ctr, as far as they have a meaning "
		 "without a daemon: run, images, containers, tasks, content, snapshots, leases, "
		 "namespaces, plugins, oci, events, version, info. What is not there is refused by "
		 "name. A link to coracle that is called ctr does the same.\n\n"
		 "As with ctr, a container has no network unless --net-host is given. The id that "
		 "ctr wants is the container's name here.",
	.example = "coracle ctr run --rm -t docker.io/library/alpine:latest test sh\n"
		   "coracle ctr -n k8s.io images list -q",
};
