#include "rootless/confine.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "lib/base/fs.h"

/* landlock.h of the build machine may be older than the kernel. */
#define SCOPE_ABSTRACT_UNIX	(1ull << 0)
#define SCOPE_SIGNAL		(1ull << 1)
#define ABI_WITH_SCOPE		6

struct ruleset {
	uint64_t fs;
	uint64_t net;
	uint64_t scoped;
};

/* --- namespaces and root --- */

static int write_map(const char *path, unsigned id, struct err *e)
{
	char line[64];

	snprintf(line, sizeof(line), "%u %u 1", id, id);
	return fs_write_small(AT_FDCWD, path, line, e);
}

/* -errno without an error: refused; the caller goes on. */
static int own_namespaces(void)
{
	struct err e = ERR_INIT;
	uid_t uid = geteuid();
	gid_t gid = getegid();
	int r;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS |
		    CLONE_NEWCGROUP) < 0)
		return -errno;
	r = fs_write_small(AT_FDCWD, "/proc/self/setgroups", "deny", &e);
	if (r == 0)
		r = write_map("/proc/self/gid_map", gid, &e);
	if (r == 0)
		r = write_map("/proc/self/uid_map", uid, &e);
	err_clear(&e);
	return r;
}

static int make_file(const struct confine *c, struct err *e)
{
	AUTO_FD int dir = -1;
	AUTO_FD int fd = -1;

	if (!c->text)
		return 0;
	if (mkdir("etc", 0500) < 0)
		return err_sys(e, "make 'etc'");
	dir = open("etc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, "open 'etc'");
	fd = openat(dir, c->etc_file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
	if (fd < 0)
		return err_sys(e, "create '%s'", c->etc_file);
	return fs_write_all(fd, c->text, strlen(c->text), e);
}

/* /proc is there, since the maps were written in it, and needed no more. */
static int empty_root(const struct confine *c, struct err *e)
{
	static const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	int r;

	if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 ||
	    mount("none", "/proc", "tmpfs", flags, "size=16k,nr_inodes=4,mode=0500") < 0 ||
	    chdir("/proc") < 0)
		return err_sys(e, "make an empty root");
	r = make_file(c, e);
	if (r < 0)
		return err_ctx(e, r, "empty root");
	if (mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | flags, NULL) < 0 ||
	    syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return err_sys(e, "enter the empty root");
	return 0;
}

/* --- rights --- */

int confine_drop_caps(uint64_t keep, struct err *e)
{
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct set[2] = {
		{ .effective = (uint32_t)keep, .permitted = (uint32_t)keep },
		{ .effective = (uint32_t)(keep >> 32),
		  .permitted = (uint32_t)(keep >> 32) },
	};

	/* Without CAP_SETPCAP the bounding set stays; no_new_privs makes that
	 * harmless. */
	for (int cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			break;
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &head, set) < 0)
		return err_sys(e, "drop capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "set no_new_privs");
	return 0;
}

static int limit(int what, const char *name, uint64_t value, struct err *e)
{
	struct rlimit rl;

	if (getrlimit(what, &rl) < 0)
		return err_sys(e, "read limit %s", name);
	if (value < rl.rlim_max)
		rl.rlim_max = value;
	rl.rlim_cur = rl.rlim_max;
	return setrlimit(what, &rl) < 0 ? err_sys(e, "set limit %s", name) : 0;
}

/* Every access of ABI 1 is handled and reading the one file alone is allowed;
 * accesses of later ABIs need those of ABI 1 to get anywhere. */
static int landlock(const struct confine *c)
{
	struct ruleset set = { .fs = (1ull << 13) - 1 };
	struct landlock_path_beneath_attr below = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
		.parent_fd = -1,
	};
	AUTO_FD int rules = -1;
	AUTO_FD int file = -1;
	char path[64];
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
			   LANDLOCK_CREATE_RULESET_VERSION);
	size_t size = sizeof(set.fs);

	if (abi < 1)
		return -ENOSYS;
	if (abi >= ABI_WITH_SCOPE) {
		set.scoped = SCOPE_ABSTRACT_UNIX | SCOPE_SIGNAL;
		size = sizeof(set);
	}
	rules = (int)syscall(SYS_landlock_create_ruleset, &set, size, 0);
	if (rules < 0)
		return -errno;
	if (c->text) {
		snprintf(path, sizeof(path), "/etc/%s", c->etc_file);
		file = open(path, O_PATH | O_CLOEXEC);
		below.parent_fd = file;
		if (file < 0 || syscall(SYS_landlock_add_rule, rules,
				       LANDLOCK_RULE_PATH_BENEATH, &below, 0) < 0)
			return -errno;
	}
	return syscall(SYS_landlock_restrict_self, rules, 0) < 0 ? -errno : 0;
}

/* --- system calls --- */

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#endif

#define MAX_CODE 320

#define STMT(c, k)	((struct sock_filter)BPF_STMT((c), (k)))
#define JEQ(k, t, f)	\
	((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (k), (t), (f)))
#define LOAD(what)	\
	STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, what))
#define ALLOW		STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define DIE		STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the lower half of an argument is loaded from its first four bytes"
#endif

/* A straight list, the most frequent call first: for some forty calls it is as
 * quick as a tree, and the kernel caches what is always allowed. */
int confine_seccomp(const struct confine_call *calls, size_t count,
		    struct err *e)
{
#ifdef ARCH
	struct sock_filter code[MAX_CODE];
	struct sock_fprog prog = { .filter = code };
	size_t n = 0;

	if (count > (MAX_CODE - 5) / 6)
		return err_set(e, E2BIG, "too many system calls to allow");
	code[n++] = LOAD(arch);
	code[n++] = JEQ(ARCH, 1, 0);
	code[n++] = DIE;
	code[n++] = LOAD(nr);
	for (size_t i = 0; i < count; i++) {
		const struct confine_call *c = &calls[i];

		code[n++] = JEQ(c->nr, 0, c->mask ? 5 : 1);
		if (c->mask) {
			code[n++] = LOAD(args[c->arg]);
			code[n++] = STMT(BPF_ALU | BPF_AND | BPF_K, c->mask);
			code[n++] = JEQ(c->value, 0, 1);
		}
		code[n++] = ALLOW;
		if (c->mask)
			code[n++] = LOAD(nr);
	}
	code[n++] = DIE;
	prog.len = (unsigned short)n;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) < 0)
		return err_sys(e, "install the system call filter");
	return 0;
#else
	(void)calls;
	(void)count;
	return err_set(e, ENOSYS, "no system call filter for this machine");
#endif
}

/* Namespaces may be had and yet be of no use: nested, or under an AppArmor
 * profile that takes the capabilities away. */
static int own_root(const struct confine *c, uint32_t *missing, struct err *e)
{
	int r;

	if (own_namespaces() < 0) {
		*missing |= CONFINE_NO_USERNS;
		return 0;
	}
	r = empty_root(c, e);
	if (r == -EPERM || r == -EACCES) {
		err_clear(e);
		*missing |= CONFINE_NO_USERNS;
		r = 0;
	}
	return r;
}

int confine(const struct confine *c, uint32_t *missing, struct err *e)
{
	int r;

	*missing = 0;
	r = own_root(c, missing, e);
	if (r == 0)
		r = limit(RLIMIT_CORE, "core", 0, e);
	if (r == 0)
		r = limit(RLIMIT_NOFILE, "nofile", c->files, e);
	if (r == 0)
		r = limit(RLIMIT_AS, "as", c->memory, e);
	if (r == 0)
		r = confine_drop_caps(0, e);
	if (r < 0)
		return r;
	if (landlock(c) < 0)
		*missing |= CONFINE_NO_LANDLOCK;
	r = confine_seccomp(c->calls, c->call_count, e);
	if (r == -ENOSYS || r == -EINVAL) {
		*missing |= CONFINE_NO_SECCOMP;
		err_clear(e);
		r = 0;
	}
	return r;
}
