/* coracle-scope: asks systemd for a scope.  A program of its own, because
 * loading the library for that takes longer than starting a container.
 *
 *	coracle-scope NAME PID [LEAF]	NAME.scope around a process, or its place
 *					LEAF in the one there is: its cgroup on
 *					stdout, or why not
 */
#include <stdio.h>

#include "bin/scope.h"
#include "lib/base/num.h"
#include "lib/base/str.h"

static int run(int argc, char **argv, struct err *e)
{
	uint64_t pid;
	int r;

	if (argc < 3 || argc > 4 || !str_is_name(argv[1]) ||
	    (argc == 4 && !str_is_component(argv[3])))
		return err_set(e, EINVAL, "usage: coracle-scope NAME PID [LEAF]");
	r = num_u64(argv[2], 1, INT32_MAX, &pid, e);
	return r < 0 ? r : scope_of(argv[1], (pid_t)pid, argc == 4 ? argv[3] : NULL, e);
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;

	if (run(argc, argv, &e) == 0)
		return 0;
	/* Who asks reads but one stream. */
	printf("%s\n", e.text);
	return 1;
}
