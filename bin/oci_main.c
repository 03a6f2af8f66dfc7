/* coracle-oci: the OCI runtime's command line, as podman, containerd and their
 * kin call runc (runtime-spec runtime.md); and what needs libraries that
 * coracle does not link. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bin/doc.h"
#include "bin/oci.h"
#include "bin/run_cmd.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"
#include "lib/os/userns.h"

#define CMD(name) extern const struct cmd oci_cmd_##name;
#include "bin/oci_commands.h"
#undef CMD

extern const struct cmd cmd_doc;

#define CMD(name) &oci_cmd_##name,
const struct cmd *const cmd_table[] = {
#include "bin/oci_commands.h"
	&cmd_doc,
	NULL,
};
#undef CMD

const struct cmd_program cmd_program = {
	.name = "coracle-oci",
	.summary = "an OCI runtime",
	.options =
		"      --root DIR            Where the containers' state is\n"
		"      --log FILE            Write errors and warnings there as well\n"
		"      --log-format text|json  How\n"
		"      --log-level debug|info|warning|error\n"
		"      --debug               Say more\n"
		"      --cgroup-manager cgroupfs|systemd|disabled\n"
		"      --systemd-cgroup      The same as --cgroup-manager systemd\n"
		"      --rootless BOOL|auto  Whether we are not the machine's root\n"
		"      --version             Print the version\n",
	.more = "'coracle-oci COMMAND --help' explains a command.",
	.exit_status =
		"0: done. 1: failed. 2: wrong usage. 255: exec could not start the process. "
		"Else run and exec exit as the container's process did.\n",
	.files =
		".TP\n.I $XDG_RUNTIME_DIR/coracle-oci, /run/coracle-oci\n"
		"State of containers; the latter for the machine's root.\n",
};

/* --- global options --- */

struct globals {
	const char *root, *log, *log_format, *log_level, *manager, *rootless;
	bool debug, systemd, version;
};

static const struct opt global_opts[] = {
	TEXT(struct globals, root, 0, "root", "DIR", WORD_DIR, ""),
	TEXT(struct globals, log, 0, "log", "FILE", WORD_FILE, ""),
	CHOICE(struct globals, log_format, 0, "log-format", "text json", ""),
	CHOICE(struct globals, log_level, 0, "log-level", "debug info warning error", ""),
	FLAG(struct globals, debug, 0, "debug", ""),
	CHOICE(struct globals, manager, 0, "cgroup-manager", "cgroupfs systemd disabled", ""),
	FLAG(struct globals, systemd, 's', "systemd-cgroup", ""),
	CHOICE(struct globals, rootless, 0, "rootless", "true false auto", ""),
	FLAG(struct globals, version, 'v', "version", ""),
	{ .kind = OPT_END },
};

static const struct cmd globals = {
	.name = "",
	.operands = "COMMAND",
	.max = -1,
	.stop_at_operand = true,
	.opts = global_opts,
};

static char *default_root(const struct oci *o)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");

	if (!o->is_rootless)
		return mem_str("/run/coracle-oci");
	if (!str_is_empty(dir) && *dir == '/')
		return mem_printf("%s/coracle-oci", dir);
	return mem_printf("/run/user/%u/coracle-oci", getuid());
}

static enum oci_level level_of(const struct globals *g)
{
	static const char *const names[] = { "debug", "info", "warning" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (str_eq(g->log_level, names[i]))
			return (enum oci_level)i;
	return g->log_level ? OCI_ERROR : g->debug ? OCI_DEBUG : OCI_WARNING;
}

/* crun's other places are no files. */
static int open_log(struct oci *o, const char *where, struct err *e)
{
	const char *path = str_after(where, "file:") ? str_after(where, "file:") : where;

	if (str_starts(where, "journald:") || str_starts(where, "syslog:"))
		return err_set(e, EINVAL, "--log: '%s' is not a file", where);
	o->log_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	return o->log_fd < 0 ? err_sys(e, "--log '%s'", path) : 0;
}

static int set_globals(struct oci *o, const struct globals *g, struct err *e)
{
	const char *manager = str_or(g->manager, g->systemd ? "systemd" : "cgroupfs");

	o->is_rootless = str_eq(g->rootless, "true") ||
			 (!str_eq(g->rootless, "false") && !userns_is_machines_root());
	o->manager = str_eq(manager, "systemd") ? OCI_SYSTEMD :
		     str_eq(manager, "disabled") ? OCI_NO_CGROUPS : OCI_CGROUPFS;
	o->log_json = str_eq(g->log_format, "json");
	o->level = level_of(g);
	o->root = g->root ? mem_str(g->root) : default_root(o);
	if (*o->root != '/')
		return err_set(e, EINVAL, "--root: '%s' is not absolute", o->root);
	return g->log ? open_log(o, g->log, e) : 0;
}

/* --- commands --- */

static int usage(struct oci *o, const char *command, struct err *e)
{
	oci_fail(o, e);
	fprintf(stderr, "'coracle-oci %s%s--help' shows the usage\n", command, *command ? " " : "");
	return EXIT_USAGE;
}

static int run_one(struct oci *o, const struct cmd *c, char **argv, int argc, struct err *e)
{
	AUTO_FREE char *args = mem_zero(c->args_size, 1);
	char **operands;
	int count;
	int r = cmd_parse(c, args, argv, argc, &operands, &count, e);

	if (r == 1) {
		doc_help(c, &o->app.out);
		r = 0;
	} else if (r < 0) {
		r = usage(o, c->name, e);
	} else {
		r = c->run(&o->app, args, operands, count, e);
	}
	if (r < 0) {
		oci_fail(o, e);
		r = c->fail_status ? c->fail_status : EXIT_FAILED;
	}
	if (c->clear)
		c->clear(args);
	return r;
}

static int run(struct oci *o, char **argv, int argc, struct err *e)
{
	struct globals g = { .root = NULL };
	const struct cmd *c;
	char **words;
	int count, used;
	int r = cmd_parse(&globals, &g, argv, argc, &words, &count, e);

	if (r == 1) {
		doc_overview(&o->app.out);
		return EXIT_DONE;
	}
	if (r == 0)
		r = set_globals(o, &g, e);
	if (r == 0 && g.version) {
		app_printf(&o->app, "coracle-oci version " VERSION "\nspec: " OCI_VERSION "\n");
		return EXIT_DONE;
	}
	if (r == 0 && !count)
		r = err_set(e, EINVAL, "a command is missing");
	if (r < 0)
		return usage(o, "", e);
	c = cmd_find(words, count, &used);
	if (c)
		return run_one(o, c, words + used, count - used, e);
	(void)err_set(e, EINVAL, "'%s' is not a command", words[0]);
	return usage(o, "", e);
}

int main(int argc, char **argv)
{
	struct oci o = {
		.app = { .program = "coracle-oci", .out = BUF_INIT(SIZE_MAX / 2) },
		.log_fd = -1,
	};
	struct err e = ERR_INIT;
	int status;

	rt_inner(argc, argv);
	json_needs_memory();
	run_open_stdio();
	while (o.given_fds < OCI_FDS_MAX && fcntl(3 + (int)o.given_fds, F_GETFD) >= 0)
		o.given_fds++;
	signal(SIGPIPE, SIG_IGN);
	o.app.umask = umask(022);
	status = run(&o, argv + 1, argc - 1, &e);
	if (app_flush(&o.app) < 0 && status == EXIT_DONE)
		status = EXIT_NO_STDOUT;
	buf_clear(&o.app.out);
	fd_auto(&o.log_fd);
	free(o.root);
	return status;
}
