#include "lib/runtime/idmount.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "lib/base/fs.h"
#include "lib/os/userns.h"
#include "lib/runtime/boot.h"
#include "lib/runtime/step.h"

static int open_userns(pid_t pid)
{
	char path[48];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A user namespace lives as long as it is open: its process is needed only
 * until it has its maps. */
static int make_userns(const char *uids, const char *gids)
{
	const struct userns_maps maps = { .uid_map = uids, .gid_map = gids };
	struct err ignored = ERR_INIT;
	pid_t pid = boot_clone(CLONE_NEWUSER, NULL, -1);
	int r;

	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		for (;;)
			(void)pause();
	}
	if (pid < 0)
		return -errno;
	r = userns_write_maps(pid, &maps, &ignored);
	if (r == 0)
		r = open_userns(pid);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, __WALL);
	return r;
}

int idmount_serve(const struct rt_container *c, const void *plan, uint32_t step, int mount)
{
	const struct plan_head *h = plan;
	const struct plan_step *s = plan_steps(h) + step;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP };
	AUTO_FD int userns = -1;
	const char *uids;
	unsigned flags;

	if (step >= h->step_count || s->op != OP_IDMAP)
		return -EPROTO;
	uids = plan_text(plan, s->data);
	userns = s->data_len ? make_userns(uids, uids + strlen(uids) + 1) : open_userns(c->pid);
	if (userns < 0)
		return userns;
	attr.userns_fd = (unsigned)userns;
	flags = AT_EMPTY_PATH | (s->flags & STEP_ATTR_RECURSIVE ? AT_RECURSIVE : 0u);
	return mount_setattr(mount, "", flags, &attr, sizeof(attr)) < 0 ? -errno : 0;
}
