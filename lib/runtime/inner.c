/* What a re-executed child does: the names are ours and no user's. */
#include <unistd.h>

#include "lib/base/str.h"
#include "lib/runtime/exec_child.h"
#include "lib/runtime/init.h"
#include "lib/runtime/inner.h"
#include "lib/runtime/start.h"

_Noreturn void inner_run(const char *name, unsigned preserve, bool direct)
{
	if (str_eq(name, RT_INIT_NAME))
		init_main(preserve, direct);
	exec_child_main(preserve);
}

void rt_inner(int argc, char **argv)
{
	unsigned preserve;

	if (argc != 2 || argv[1][0] < '0' || argv[1][1] ||
	    (!str_eq(argv[0], RT_INIT_NAME) && !str_eq(argv[0], RT_EXEC_NAME)))
		return;
	preserve = (unsigned)(argv[1][0] - '0');
	if (preserve > PLAN_PRESERVE_MAX)
		_exit(125);
	inner_run(argv[0], preserve, false);
}
