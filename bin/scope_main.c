/* coracle-scope: asks systemd for a scope.  A program of its own, because
 * loading the library for that takes longer than starting a container.
 *
 *	coracle-scope start UNIT PID [SLICE]	a scope around a process
 *	coracle-scope hold UNIT [SLICE]		a scope around coracle-scope, which
 *						stays until descriptor 3 ends
 *	coracle-scope enter UNIT PID LEAF	moves a process to a place below it
 *	coracle-scope update UNIT		gives it other limits
 *	coracle-scope stop UNIT			ends it
 *
 * Limits and properties are those of a config.json on stdin; none when that is
 * empty.  On stdout is then the process's cgroup, or why not.  Exit status 2:
 * no systemd to be reached.
 */
#include <stdio.h>

#include "bin/scope.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"

#define HOLD_FD 3

static int read_config(struct spec *out, bool *given, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_SPEC);
	int r = fs_read_fd(0, "config.json", &text, e);

	*given = text.len != 0;
	return r < 0 || !*given ? r : spec_parse(out, text.data, text.len, e);
}

static int parse_pid(pid_t *out, const char *text, struct err *e)
{
	uint64_t pid;
	int r = num_u64(text, 1, INT32_MAX, &pid, e);

	if (r == 0)
		*out = (pid_t)pid;
	return r;
}

static int say(const char *path, struct err *e)
{
	return printf("%s\n", path) < 0 || fflush(stdout) ? err_sys(e, "write") : 0;
}

static int start(const char *unit, pid_t pid, const char *slice, struct err *e)
{
	AUTO(spec) struct spec spec;
	struct scope_request q = { .unit = unit, .slice = slice, .pid = pid };
	char path[CGROUP_PATH_MAX];
	bool given;
	int r;

	spec_init(&spec);
	r = read_config(&spec, &given, e);
	q.spec = given ? &spec : NULL;
	if (r == 0)
		r = scope_start(path, &q, e);
	return r < 0 ? r : say(path, e);
}

static int run_start(char **words, struct err *e)
{
	pid_t pid;
	int r = parse_pid(&pid, words[1], e);

	return r < 0 ? r : start(words[0], pid, words[2], e);
}

static int run_hold(char **words, struct err *e)
{
	int r = start(words[0], getpid(), words[1], e);
	ssize_t n;
	char end;

	if (r < 0)
		return r;
	do
		n = read(HOLD_FD, &end, 1);
	while (n > 0 || (n < 0 && errno == EINTR));
	return 0;
}

static int run_enter(char **words, struct err *e)
{
	char path[CGROUP_PATH_MAX];
	pid_t pid;
	int r = parse_pid(&pid, words[1], e);

	if (r == 0)
		r = scope_enter(path, words[0], words[2], pid, e);
	return r < 0 ? r : say(path, e);
}

static int run_update(char **words, struct err *e)
{
	AUTO(spec) struct spec spec;
	bool given;
	int r;

	spec_init(&spec);
	r = read_config(&spec, &given, e);
	return r < 0 ? r : scope_update(words[0], &spec.resources, e);
}

static int run_stop(char **words, struct err *e)
{
	return scope_stop(words[0], e);
}

/* Behind the words is a NULL, as main() has it. */
static const struct {
	const char *name;
	int min, max;
	int (*run)(char **words, struct err *e);
} verbs[] = {
	{ "start", 2, 3, run_start },
	{ "hold", 1, 2, run_hold },
	{ "enter", 3, 3, run_enter },
	{ "update", 1, 1, run_update },
	{ "stop", 1, 1, run_stop },
};

static int run(int argc, char **argv, struct err *e)
{
	for (size_t i = 0; argc >= 2 && i < ARRAY_SIZE(verbs); i++)
		if (str_eq(verbs[i].name, argv[1]) && argc - 2 >= verbs[i].min &&
		    argc - 2 <= verbs[i].max)
			return verbs[i].run(argv + 2, e);
	return err_set(e, EINVAL, "usage: coracle-scope start|hold|enter|update|stop UNIT ...");
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;

	json_needs_memory();
	if (run(argc, argv, &e) == 0)
		return 0;
	/* Who asks reads but one stream. */
	printf("%s\n", e.text);
	return str_eq(e.key, SCOPE_NO_BUS) ? SCOPE_EXIT_NO_BUS : 1;
}
