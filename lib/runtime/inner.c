/* What a re-executed child does: the names are ours and no user's. */
#include <unistd.h>

#include "lib/base/str.h"
#include "lib/runtime/exec_child.h"
#include "lib/runtime/init.h"
#include "lib/runtime/start.h"

void rt_inner(int argc, char **argv)
{
	bool init, exec;
	unsigned preserve;

	if (argc != 2 || argv[1][0] < '0')
		return;
	init = str_eq(argv[0], RT_INIT_NAME);
	exec = str_eq(argv[0], RT_EXEC_NAME);
	if (!init && !exec)
		return;
	preserve = (unsigned)(argv[1][0] - '0');
	if (preserve > PLAN_PRESERVE_MAX || argv[1][1])
		_exit(125);
	if (init)
		init_main(preserve);
	exec_child_main(preserve);
}
