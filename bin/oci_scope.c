#include "bin/oci_scope.h"

#include <string.h>

#include "bin/app.h"
#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"

#define PROGRAM "coracle-scope"
#define MAX_ANSWER KIB(4)

static int open_config(const struct spec *spec, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC);
	int r;

	spec_print(spec, &text);
	r = buf_ok(&text, "config.json", e);
	return r < 0 ? r : fd_sealed("config.json", text.data, text.len, e);
}

/* What it said, when it failed, is the error. */
static int words_of(struct buf *said, struct err *e)
{
	said->data[strcspn(said->data, "\n")] = '\0';
	str_mask(said->data);
	return err_set(e, EIO, "%s", str_or(said->data, PROGRAM ": no answer"));
}

static int run(char *const *argv, const struct spec *spec, struct err *e)
{
	AUTO(buf) struct buf said = BUF_INIT(MAX_ANSWER);
	AUTO_FD int config = spec ? open_config(spec, e) : -1;
	AUTO_FREE char *path = NULL;
	const struct proc_fd fds[] = { { config, 0 } };
	struct proc_spec p = { .argv = argv, .fds = fds, .fd_count = spec ? 1 : 0 };
	struct err status = ERR_INIT;
	int r;

	if (spec && config < 0)
		return config;
	r = app_program(PROGRAM, &path, e);
	if (r < 0)
		return r;
	p.path = path;
	r = proc_run(&p, NULL, &said, &status);
	if (r < 0)
		return said.len ? words_of(&said, e) : err_move(e, &status);
	return 0;
}

/* Up to the end of the line: the program goes on. */
static int read_line(struct buf *said, int fd, struct err *e)
{
	char c;
	ssize_t n;

	do {
		n = read(fd, &c, 1);
		if (n == 1 && c != '\n')
			buf_addc(said, c);
	} while (n < 0 ? errno == EINTR : n == 1 && c != '\n');
	return n < 0 ? err_sys(e, "read from " PROGRAM) : 0;
}

int oci_scope_start(struct oci_hold *out, char path[static CGROUP_PATH_MAX], const char *unit,
		    const char *slice, const struct spec *spec, struct err *e)
{
	AUTO(fd_pair) struct fd_pair hold = FD_PAIR_INIT, answer = FD_PAIR_INIT;
	AUTO(buf) struct buf said = BUF_INIT(MAX_ANSWER);
	AUTO_FD int config = open_config(spec, e);
	AUTO_FREE char *program = NULL;
	char *argv[] = { (char *)PROGRAM, (char *)"hold", (char *)unit,
			 *slice ? (char *)slice : NULL, NULL };
	AUTO(proc) struct proc child = PROC_INIT;
	int r = config < 0 ? config : app_program(PROGRAM, &program, e);

	if (r == 0)
		r = fd_pipe(&hold, e);
	if (r == 0)
		r = fd_pipe(&answer, e);
	if (r == 0) {
		const struct proc_fd fds[] = { { config, 0 }, { answer.b, 1 }, { hold.a, 3 } };
		const struct proc_spec p = { .path = program, .argv = argv, .fds = fds,
					     .fd_count = ARRAY_SIZE(fds) };

		r = proc_spawn(&child, &p, e);
	}
	if (r < 0)
		return r;
	fd_auto(&answer.b);
	r = read_line(&said, answer.a, e);
	if (r < 0)
		return r;
	if (said.data[0] != '/' || !str_copy(path, CGROUP_PATH_MAX, said.data))
		return words_of(&said, e);
	*out = (struct oci_hold){ .proc = child, .fd = take_fd(&hold.b) };
	child = (struct proc)PROC_INIT;
	return 0;
}

void oci_scope_release(struct oci_hold *h)
{
	struct err ignored = ERR_INIT;
	int status;

	fd_auto(&h->fd);
	if (h->proc.pid > 0)
		(void)!proc_wait(&h->proc, &status, &ignored);
}

int oci_scope_update(const char *unit, const struct spec *spec, struct err *e)
{
	char *argv[] = { (char *)PROGRAM, (char *)"update", (char *)unit, NULL };

	return run(argv, spec, e);
}

int oci_scope_stop(const char *unit, struct err *e)
{
	char *argv[] = { (char *)PROGRAM, (char *)"stop", (char *)unit, NULL };

	return run(argv, NULL, e);
}
