#include "bin/oci_scope.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "bin/app.h"
#include "bin/scope.h"
#include "lib/base/fd.h"
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
static int words_of(struct buf *said, int status, struct err *e)
{
	bool no_bus = WIFEXITED(status) && WEXITSTATUS(status) == SCOPE_EXIT_NO_BUS;

	said->data[strcspn(said->data, "\n")] = '\0';
	str_mask(said->data);
	return err_set(e, no_bus ? ECONNREFUSED : EIO, "%s",
		       str_or(said->data, PROGRAM ": no answer"));
}

struct call {
	struct proc proc;
	int answer;			/* what it says */
	int hold;			/* whose end it waits for */
};

#define CALL_INIT { .proc = PROC_INIT, .answer = -1, .hold = -1 }

static void call_auto(struct call *c)
{
	fd_auto(&c->answer);
	fd_auto(&c->hold);
	proc_auto(&c->proc);
}

static int begin(struct call *c, char *const *argv, const struct spec *spec, struct err *e)
{
	AUTO(fd_pair) struct fd_pair hold = FD_PAIR_INIT, answer = FD_PAIR_INIT;
	AUTO_FD int config = spec ? open_config(spec, e) : -1;
	AUTO_FREE char *program = NULL;
	int r = spec && config < 0 ? config : app_program(PROGRAM, &program, e);

	if (r == 0)
		r = fd_pipe(&hold, e);
	if (r == 0)
		r = fd_pipe(&answer, e);
	if (r == 0) {
		const struct proc_fd fds[] = { { answer.b, 1 }, { hold.a, 3 }, { config, 0 } };
		const struct proc_spec p = { .path = program, .argv = argv, .fds = fds,
					     .fd_count = spec ? 3 : 2 };

		r = proc_spawn(&c->proc, &p, e);
	}
	if (r < 0)
		return r;
	c->answer = take_fd(&answer.a);
	c->hold = take_fd(&hold.b);
	return 0;
}

/* The first line. */
static int read_answer(struct buf *said, int fd, struct err *e)
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

static int end(struct call *c, struct buf *said, struct err *e)
{
	int status = 0;
	int r;

	fd_auto(&c->hold);
	r = proc_wait(&c->proc, &status, e);
	return r < 0 || !status ? r : words_of(said, status, e);
}

static int run(char *const *argv, const struct spec *spec, struct err *e)
{
	AUTO(buf) struct buf said = BUF_INIT(MAX_ANSWER);
	AUTO(call) struct call c = CALL_INIT;
	int r = begin(&c, argv, spec, e);

	if (r == 0)
		r = read_answer(&said, c.answer, e);
	return r < 0 ? r : end(&c, &said, e);
}

int oci_scope_start(struct oci_hold *out, char path[static CGROUP_PATH_MAX], const char *unit,
		    const char *slice, const struct spec *spec, struct err *e)
{
	char *argv[] = { (char *)PROGRAM, (char *)"hold", (char *)unit,
			 *slice ? (char *)slice : NULL, NULL };
	AUTO(buf) struct buf said = BUF_INIT(MAX_ANSWER);
	AUTO(call) struct call c = CALL_INIT;
	int r = begin(&c, argv, spec, e);

	if (r == 0)
		r = read_answer(&said, c.answer, e);
	if (r < 0)
		return r;
	if (said.data[0] != '/' || !str_copy(path, CGROUP_PATH_MAX, said.data)) {
		r = end(&c, &said, e);
		return r < 0 ? r : err_set(e, EBADMSG, PROGRAM ": bad answer");
	}
	*out = (struct oci_hold){ .proc = c.proc, .fd = take_fd(&c.hold) };
	c.proc = (struct proc)PROC_INIT;
	return 0;
}

int oci_scope_enter_own(struct err *e)
{
	char unit[64], pid[16];
	char *argv[] = { (char *)PROGRAM, (char *)"start", unit, pid, NULL };

	(void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
	(void)snprintf(unit, sizeof(unit), "coracle-oci-%s.scope", pid);
	return run(argv, NULL, e);
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
