/* deny - runs a command without some system calls, as on an older kernel or
 * in a sandbox.
 *
 *	deny CALL[,CALL...] [ERRNO] -- COMMAND...
 *
 * ERRNO is ENOSYS, EPERM, or 0: they do nothing and say that they did.  Calls
 * by the numbers of another architecture are not looked at.  Called by root it
 * leaves no_new_privs alone, so that setuid programs further down keep working.
 */
#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void die(const char *what, int code)
{
	fprintf(stderr, "deny: %s: %s\n", what, strerror(code));
	exit(120);
}

static void deny(scmp_filter_ctx filter, const char *call, int code)
{
	int number = seccomp_syscall_resolve_name(call);
	int r;

	if (number == __NR_SCMP_ERROR)
		die(call, ENOENT);
	r = seccomp_rule_add(filter, SCMP_ACT_ERRNO((unsigned)code), number, 0);
	if (r < 0)
		die(call, -r);
}

int main(int argc, char **argv)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	bool has_errno = argc > 2 && strcmp(argv[2], "--") != 0;
	int at = has_errno ? 3 : 2;
	int code = !has_errno ? ENOSYS : !strcmp(argv[2], "EPERM") ? EPERM :
		   !strcmp(argv[2], "0") ? 0 : ENOSYS;
	int r;

	if (!filter || argc < at + 2 || strcmp(argv[at], "--") != 0)
		die("usage: deny CALL[,CALL...] [ENOSYS|EPERM|0] -- COMMAND", EINVAL);
	for (char *c = strtok(argv[1], ","); c; c = strtok(NULL, ","))
		deny(filter, c, code);
	r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, geteuid() != 0);
	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
	if (r == 0)
		r = seccomp_load(filter);
	if (r < 0)
		die("load the filter", -r);
	execvp(argv[at + 1], argv + at + 1);
	die(argv[at + 1], errno);
}
