#include "lib/runtime/criu.h"

#include <string.h>

#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

#define MAX_LOG MIB(64)

int criu_check(struct err *e)
{
	static char name[] = "criu", version[] = "--version";
	char *argv[] = { name, version, NULL };
	struct proc_spec spec = { .path = name, .search = true, .argv = argv };
	int r = proc_run(&spec, NULL, NULL, e);

	if (r != -ENOENT)
		return r;
	err_clear(e);
	return err_hint(e, err_set(e, ENOENT, "criu is not installed: not found in PATH"),
			"criu.missing");
}

/* What follows "Error (file.c:LINE): ". */
static const char *complaint(const char *line)
{
	const char *at = strstr(line, "Error (");

	at = at ? strstr(at, "): ") : NULL;
	return at ? at + 3 : NULL;
}

/* The cause is the first of a chain of complaints, but things that were tried
 * out complain before it: the last two are told.  Those behind the word that it
 * FAILED are of tidying up. */
static int explain(const struct criu_call *c, const char *log, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_LOG);
	const char *last[2] = { NULL, NULL };
	struct err unreadable = ERR_INIT;
	char *save = NULL;

	if (fs_read(AT_FDCWD, log, &text, &unreadable) < 0)
		return err_set(e, EIO, "criu %s failed, and left no '%s'", c->command, log);
	for (char *l = strtok_r(text.data, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		const char *what = complaint(l);

		if (what && str_ends(what, "FAILED."))
			break;
		if (!what)
			continue;
		last[0] = last[1];
		last[1] = what;
	}
	return err_set(e, EIO, "criu %s: %s%s%s (see '%s')", c->command, str_or(last[0], ""),
		       last[0] ? ": " : "", str_or(last[1], "failed"), log);
}

int criu_run(const struct criu_call *c, struct err *e)
{
	AUTO_FREE char *log = mem_printf("%s/%s.log", c->work, c->command);
	AUTO(strv) struct strv argv = STRV_INIT;
	AUTO(proc) struct proc p = PROC_INIT;
	struct proc_spec spec = {
		.path = "criu",
		.search = true,
		.fds = c->fds,
		.fd_count = c->fd_count,
	};
	int status = 0;
	int r;

	strv_add(&argv, "criu");
	strv_add(&argv, c->command);
	strv_addf(&argv, "--work-dir=%s", c->work);
	strv_addf(&argv, "--log-file=%s.log", c->command);
	if (c->verbose)
		strv_add(&argv, "--verbosity=4");
	strv_join(&argv, &c->args);
	spec.argv = strv_args(&argv);
	r = proc_spawn(&p, &spec, e);
	if (r == 0)
		r = proc_wait(&p, &status, e);
	if (r < 0)
		return r;
	return status ? explain(c, log, e) : 0;
}
