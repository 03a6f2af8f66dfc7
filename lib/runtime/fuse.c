#include "lib/runtime/fuse.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "lib/base/fd.h"
#include "lib/runtime/boot.h"
#include "lib/runtime/step.h"

#define DEVICE_FD 3
#define MAX_WORDS 32

/* The child: data of the step is the argument vector without the mount point,
 * the first text of the vector names the directory that layers are below. */
static _Noreturn void become_server(struct rt_container *c, const char *plan,
				    const struct plan_step *s, int device)
{
	static char mount_point[] = "/dev/fd/3";
	char *argv[MAX_WORDS + 2];
	char *env[] = { NULL };
	const char *p = plan + s->data;
	size_t n = 0;
	int null;

	for (; p < plan + s->data + s->data_len && n < MAX_WORDS; p += strlen(p) + 1)
		argv[n++] = (char *)p;
	argv[n++] = mount_point;
	argv[n] = NULL;
	if (boot_join(c->pidfd, CLONE_NEWUSER) < 0)
		_exit(125);
	if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
		_exit(125);
	if (setsid() < 0 || chdir(plan_text(plan, s->s2)) < 0)
		_exit(125);
	if (device != DEVICE_FD && dup2(device, DEVICE_FD) < 0)
		_exit(125);
	/* It outlives whoever waits for the end of our output. */
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		_exit(125);
	(void)fcntl(DEVICE_FD, F_SETFD, 0);
	fd_close_from(DEVICE_FD + 1);
	execve(plan_text(plan, s->s1), argv, env);
	_exit(127);
}

int fuse_serve(struct rt_container *c, const void *plan, uint32_t step,
	       int device, struct err *e)
{
	const struct plan_head *h = plan;
	const struct plan_step *s;

	if (step >= h->step_count || plan_steps(h)[step].op != OP_FUSE)
		return err_set(e, EPROTO, "container init: unknown message");
	s = plan_steps(h) + step;
	c->fuse_pid = boot_clone(0, &c->fuse_pidfd, -1);
	if (c->fuse_pid == 0)
		become_server(c, plan, s, device);
	if (c->fuse_pid < 0)
		return err_sys(e, "start '%s'", plan_text(plan, s->s1));
	return 0;
}
