#include "lib/os/probe.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/os/cgroup.h"
#include "lib/os/mount.h"
#include "lib/os/userns.h"

static int try_open(const char *path)
{
	AUTO_FD int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : 0;
}

static int try_fs(struct mount_stage *stage, const char *type)
{
	AUTO_FD int fd = mount_fs(stage, type, "", 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);

	return fd < 0 ? fd : 0;
}

static int try_mount(struct mount_stage *stage)
{
	struct mount_change c = { .set = MOUNT_ATTR_RDONLY };
	AUTO_FD int fd = mount_tree(stage, AT_FDCWD, "/", false, false);

	/* Locked mounts below it are a sign that we are nested. */
	if (fd == -EINVAL)
		fd = mount_tree(stage, AT_FDCWD, "/", true, false);
	return fd < 0 ? fd : mount_change(stage, fd, &c, false);
}

/* With an upper directory, as containers have it. */
static int try_overlay(struct mount_stage *stage, const char *dir)
{
	static const char *const names[] = { "lower", "upper", "work" };
	static const char pairs[] = "lowerdir\0lower\0upperdir\0upper\0workdir\0work\0userxattr\0";
	AUTO_FD int fd = -1;

	if (chdir(dir) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (mkdir(names[i], 0700) < 0)
			return -errno;
	if (setxattr("lower", "user.overlay.opaque", "y", 1, 0) < 0)
		return -errno;
	fd = mount_fs(stage, "overlay", pairs, sizeof(pairs), 0);
	if (fd < 0)
		return fd;
	return mkdirat(fd, "new", 0700) < 0 ? -errno : 0;
}

/* Inside an own user namespace with the caller as root; the answers go to
 * shared memory. */
static void inside(struct probe *p, const char *dir)
{
	struct mount_stage stage = MOUNT_STAGE_INIT;

	p->userns = 0;
	p->mount = try_mount(&stage);
	p->overlay = try_overlay(&stage, dir);
	p->netns = unshare(CLONE_NEWNET) < 0 ? -errno : 0;
	p->sysfs = p->netns < 0 ? p->netns : try_fs(&stage, "sysfs");
	p->procfs = try_fs(&stage, "proc");
}

static _Noreturn void first_child(struct probe *p, const char *dir, int go)
{
	char byte;
	pid_t pid;

	if (read(go, &byte, 1) != 1)
		_exit(1);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    unshare(CLONE_NEWPID) < 0)
		_exit(1);
	/* A procfs can only be mounted from inside its pid namespace. */
	pid = fork();
	if (pid == 0) {
		inside(p, dir);
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	_exit(0);
}

static void probe_namespaces(struct probe *p, const char *dir)
{
	AUTO(fd_pair) struct fd_pair go = FD_PAIR_INIT;
	struct err e = ERR_INIT;
	char uids[48], gids[48];
	struct userns_maps m = {
		.uid_map = uids,
		.gid_map = gids,
		.deny_setgroups = geteuid() != 0,
	};
	pid_t pid;

	(void)snprintf(uids, sizeof(uids), "0 %u 1\n", geteuid());
	(void)snprintf(gids, sizeof(gids), "0 %u 1\n", getegid());
	if (fd_pipe(&go, &e) < 0)
		return;
	pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWNS | SIGCHLD, NULL,
			     NULL, NULL, NULL);
	if (pid == 0)
		first_child(p, dir, go.a);
	if (pid < 0) {
		p->userns = -errno;
		return;
	}
	if (userns_write_maps(pid, &m, &e) == 0)
		(void)!write(go.b, "g", 1);
	else
		p->userns = -e.code;
	fd_auto(&go.b);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int probe_cgroup(void)
{
	AUTO(cgroup_tree) struct cgroup_tree t = { .fd = -1 };
	char path[CGROUP_PATH_MAX];
	struct err e = ERR_INIT;

	if (cgroup_tree_open(&t, &e) < 0 || cgroup_of(0, path, &e) < 0)
		return -e.code;
	return cgroup_is_delegated(&t, path) ? 0 : -EACCES;
}

/* Setuid root, or with the one file capability it needs. */
static int probe_helper(const char *name)
{
	char path[64];
	struct stat st;

	if (!userns_find_helper(name, path, sizeof(path)) || stat(path, &st) < 0)
		return -ENOENT;
	if (st.st_uid == 0 && (st.st_mode & S_ISUID))
		return 0;
	return getxattr(path, "security.capability", NULL, 0) > 0 ? 0 : -EPERM;
}

static int probe_seccomp(void)
{
	uint32_t action = SECCOMP_RET_ERRNO;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0 ? -errno : 0;
}

static int probe_keyring(void)
{
	return syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) < 0 &&
	       errno != ENOKEY ? -errno : 0;
}

int probe_run(struct probe *out, const char *dir, struct err *e)
{
	char name[32], scratch[MAX_PATH];
	struct err ignored = ERR_INIT;
	struct probe *p;
	AUTO_FD int at = -1;
	int made;

	(void)snprintf(name, sizeof(name), FS_NEW "probe-%d", (int)getpid());
	if (snprintf(scratch, sizeof(scratch), "%s/%s", dir, name) >= MAX_PATH)
		return err_set(e, ENAMETOOLONG, "probe in '%s'", dir);
	at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	made = at < 0 || mkdirat(at, name, 0700) < 0 ? -errno : 0;
	p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		 -1, 0);
	if (p == MAP_FAILED) {
		int r = err_sys(e, "probe");

		(void)unlinkat(at, name, AT_REMOVEDIR);
		return r;
	}
	p->version = PROBE_VERSION;
	/* What nobody gets to answer is not to be had. */
	p->userns = p->netns = p->overlay = p->procfs = p->sysfs = p->mount = -EPERM;
	probe_namespaces(p, scratch);
	if (made < 0)
		p->overlay = made;
	p->cgroup = probe_cgroup();
	p->tun = try_open("/dev/net/tun");
	p->fuse = try_open("/dev/fuse");
	p->keyring = probe_keyring();
	p->seccomp = probe_seccomp();
	p->newuidmap = probe_helper("newuidmap");
	p->newgidmap = probe_helper("newgidmap");
	if (made == 0)
		(void)!fs_rmtree(at, name, &ignored);
	*out = *p;
	(void)munmap(p, sizeof(*p));
	return 0;
}
