/* secprof_default.c - the seccomp profile of every container that names none.
 *
 * A list of what is allowed; what is known and not allowed is answered with
 * EPERM and what is not known with ENOSYS, so that C libraries fall back from
 * calls that are newer than this list (RELIABILITY 3.1).
 *
 * Conditions look at all 64 bits of an argument while the kernel uses the
 * lower 32 of an int, so "not equal" and "greater than" let the forbidden
 * value through with a bit set above.  Hence families are listed by equality
 * and ioctl requests are compared under a mask.  All conditions of one call
 * exclude each other, for libseccomp gives no order to rules that overlap.
 *
 * What it cannot do: socketcall of 32-bit x86 passes its arguments in memory,
 * and C libraries for that machine still use it; AF_ALG and AF_VSOCK are
 * reachable from 32-bit programs (RELIABILITY F4).  x32 is not among the
 * architectures, which kills its callers.
 */
#include "lib/fmt/secprof.h"

#include <sys/ioctl.h>

#include "lib/base/cleanup.h"
#include "lib/fmt/spec.h"

enum {
	CAP_DAC_READ_SEARCH = 2,
	CAP_SYS_MODULE = 16,
	CAP_SYS_RAWIO = 17,
	CAP_SYS_CHROOT = 18,
	CAP_SYS_PTRACE = 19,
	CAP_SYS_PACCT = 20,
	CAP_SYS_ADMIN = 21,
	CAP_SYS_BOOT = 22,
	CAP_SYS_NICE = 23,
	CAP_SYS_TIME = 25,
	CAP_SYS_TTY_CONFIG = 26,
	CAP_SYSLOG = 34,
	CAP_PERFMON = 38,
	CAP_BPF = 39,
};

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const char *const allowed[] = {
	/* files by name */
	"access", "chdir", "chmod", "chown", "chown32", "creat", "faccessat",
	"faccessat2", "fchdir", "fchmodat", "fchmodat2", "fchownat",
	"file_getattr", "file_setattr", "fstatat64", "futimesat", "getcwd",
	"lchown", "lchown32", "link", "linkat", "lstat", "lstat64", "mkdir",
	"mkdirat", "mknod", "mknodat", "name_to_handle_at", "newfstatat",
	"open", "openat", "openat2", "readlink", "readlinkat", "rename",
	"renameat", "renameat2", "rmdir", "stat", "stat64", "statfs",
	"statfs64", "statx", "symlink", "symlinkat", "truncate", "truncate64",
	"umask", "unlink", "unlinkat", "utime", "utimensat",
	"utimensat_time64", "utimes",

	/* files by descriptor */
	"_llseek", "arm_fadvise64_64", "arm_sync_file_range", "cachestat",
	"close", "close_range", "copy_file_range", "dup", "dup2", "dup3",
	"fadvise64", "fadvise64_64", "fallocate", "fchmod", "fchown",
	"fchown32", "fcntl", "fcntl64", "fdatasync", "flock", "fstat",
	"fstat64", "fstatfs", "fstatfs64", "fsync", "ftruncate",
	"ftruncate64", "getdents", "getdents64", "lseek", "pipe", "pipe2",
	"pread64", "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2",
	"read", "readahead", "readv", "sendfile", "sendfile64", "splice",
	"sync", "sync_file_range", "sync_file_range2", "syncfs", "tee",
	"vmsplice", "write", "writev",

	/* extended attributes */
	"fgetxattr", "flistxattr", "fremovexattr", "fsetxattr", "getxattr",
	"getxattrat", "lgetxattr", "listxattr", "listxattrat", "llistxattr",
	"lremovexattr", "lsetxattr", "removexattr", "removexattrat",
	"setxattr", "setxattrat",

	/* waiting and events */
	"_newselect", "epoll_create", "epoll_create1", "epoll_ctl",
	"epoll_ctl_old", "epoll_pwait", "epoll_pwait2", "epoll_wait",
	"epoll_wait_old", "eventfd", "eventfd2", "fanotify_mark",
	"inotify_add_watch", "inotify_init", "inotify_init1",
	"inotify_rm_watch", "poll", "ppoll", "ppoll_time64", "pselect6",
	"pselect6_time64", "select", "signalfd", "signalfd4",

	/* asynchronous I/O of the old kind */
	"io_cancel", "io_destroy", "io_getevents", "io_pgetevents",
	"io_pgetevents_time64", "io_setup", "io_submit", "ioprio_get",
	"ioprio_set",

	/* memory */
	"brk", "madvise", "map_shadow_stack", "membarrier", "memfd_create",
	"memfd_secret", "mincore", "mlock", "mlock2", "mlockall", "mmap",
	"mmap2", "mprotect", "mremap", "mseal", "msync", "munlock",
	"munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect",
	"remap_file_pages",

	/* processes and threads */
	"arch_prctl", "breakpoint", "cacheflush", "execve", "execveat",
	"exit", "exit_group", "fork", "get_robust_list", "get_thread_area",
	"getpgid", "getpgrp", "getpid", "getppid", "getsid", "gettid",
	"kill", "modify_ldt", "pause", "pidfd_open", "pidfd_send_signal",
	"prctl", "process_mrelease", "process_vm_readv",
	"process_vm_writev", "ptrace", "restart_syscall",
	"riscv_flush_icache", "riscv_hwprobe", "rseq", "s390_pci_mmio_read",
	"s390_pci_mmio_write", "s390_runtime_instr", "set_robust_list",
	"set_thread_area", "set_tid_address", "set_tls", "setpgid", "setsid",
	"swapcontext", "tgkill", "tkill", "uretprobe", "vfork", "wait4",
	"waitid", "waitpid",

	/* signals */
	"alarm", "getitimer", "rt_sigaction", "rt_sigpending",
	"rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend",
	"rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_tgsigqueueinfo",
	"setitimer", "sigaltstack", "sigprocmask", "sigreturn",

	/* locks between threads */
	"futex", "futex_requeue", "futex_time64", "futex_wait", "futex_waitv",
	"futex_wake",

	/* scheduling and limits */
	"getcpu", "getpriority", "getrlimit", "getrusage", "prlimit64",
	"sched_get_priority_max", "sched_get_priority_min",
	"sched_getaffinity", "sched_getattr", "sched_getparam",
	"sched_getscheduler", "sched_rr_get_interval",
	"sched_rr_get_interval_time64", "sched_setaffinity",
	"sched_setattr", "sched_setparam", "sched_setscheduler",
	"sched_yield", "setpriority", "setrlimit", "ugetrlimit",

	/* identity */
	"capget", "capset", "getegid", "getegid32", "geteuid", "geteuid32",
	"getgid", "getgid32", "getgroups", "getgroups32", "getresgid",
	"getresgid32", "getresuid", "getresuid32", "getuid", "getuid32",
	"setfsgid", "setfsgid32", "setfsuid", "setfsuid32", "setgid",
	"setgid32", "setgroups", "setgroups32", "setregid", "setregid32",
	"setresgid", "setresgid32", "setresuid", "setresuid32", "setreuid",
	"setreuid32", "setuid", "setuid32",

	/* narrowing oneself */
	"landlock_add_rule", "landlock_create_ruleset",
	"landlock_restrict_self", "seccomp",

	/* time; setting it needs a capability */
	"adjtimex", "clock_adjtime", "clock_adjtime64", "clock_getres",
	"clock_getres_time64", "clock_gettime", "clock_gettime64",
	"clock_nanosleep", "clock_nanosleep_time64", "gettimeofday",
	"nanosleep", "time", "timer_create", "timer_delete",
	"timer_getoverrun", "timer_gettime", "timer_gettime64",
	"timer_settime", "timer_settime64", "timerfd_create",
	"timerfd_gettime", "timerfd_gettime64", "timerfd_settime",
	"timerfd_settime64", "times",

	/* sockets; socket itself has conditions */
	"accept", "accept4", "bind", "connect", "getpeername", "getsockname",
	"getsockopt", "listen", "recv", "recvfrom", "recvmmsg",
	"recvmmsg_time64", "recvmsg", "send", "sendmmsg", "sendmsg",
	"sendto", "setsockopt", "shutdown", "socketcall", "socketpair",

	/* System V and POSIX IPC */
	"ipc", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive",
	"mq_timedreceive_time64", "mq_timedsend", "mq_timedsend_time64",
	"mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd", "semctl",
	"semget", "semop", "semtimedop", "semtimedop_time64", "shmat",
	"shmctl", "shmdt", "shmget",

	/* the machine */
	"getrandom", "listmount", "statmount", "sysinfo", "uname",
	NULL,
};

/* Known, and refused whatever the capabilities. */
static const char *const denied[] = {
	/* keys are not namespaced */
	"add_key", "keyctl", "request_key",
	/* each has been a way into the kernel more than once */
	"io_uring_enter", "io_uring_register", "io_uring_setup",
	"userfaultfd",
	/* the whole machine's */
	"kexec_file_load", "kexec_load", "nfsservctl", "quotactl",
	"quotactl_fd", "swapoff", "swapon",
	"_sysctl", "sysfs", "uselib", "ustat", "vm86", "vm86old",
	"create_module", "get_kernel_syms", "query_module",
	/* moves other processes' pages */
	"migrate_pages", "move_pages",
	"afs_syscall", "bdflush", "getpmsg", "lookup_dcookie", "putpmsg",
	"security", "tuxcall", "vserver",
	NULL,
};

/* What makes or changes namespaces and mounts.  Nested containers need all
 * of it, and so CAP_SYS_ADMIN. */
static const char *const admin[] = {
	"fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick",
	"lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr",
	"mount", "mount_setattr", "move_mount", "open_tree",
	"open_tree_attr", "pivot_root", "setdomainname", "sethostname",
	"setns", "umount", "umount2", "unshare",
	NULL,
};

/* Allowed with one capability, EPERM without. */
#define WITH_CAP(cap, ...)					\
	{							\
		.names = LIST(__VA_ARGS__),			\
		.action = SECPROF_ALLOW,			\
		.include = { .caps = CAP_BIT(cap) },		\
	},							\
	{							\
		.names = LIST(__VA_ARGS__),			\
		.action = SECPROF_ERRNO,			\
		.errno_ret = EPERM,				\
		.exclude = { .caps = CAP_BIT(cap) },		\
	}

/* Allowed with CAP_SYS_ADMIN or the capability that was split off it. */
#define WITH_CAP_OR_ADMIN(cap, ...)				\
	{							\
		.names = LIST(__VA_ARGS__),			\
		.action = SECPROF_ALLOW,			\
		.include = { .caps = CAP_BIT(CAP_SYS_ADMIN) },	\
	},							\
	{							\
		.names = LIST(__VA_ARGS__),			\
		.action = SECPROF_ALLOW,			\
		.include = { .caps = CAP_BIT(cap) },		\
		.exclude = { .caps = CAP_BIT(CAP_SYS_ADMIN) },	\
	},							\
	{							\
		.names = LIST(__VA_ARGS__),			\
		.action = SECPROF_ERRNO,			\
		.errno_ret = EPERM,				\
		.exclude = { .caps = CAP_BIT(cap) |		\
				     CAP_BIT(CAP_SYS_ADMIN) },	\
	}

#define ONE_ARG(name, result, code, number, how, ...)		\
	{							\
		.names = LIST(name),				\
		.action = (result),				\
		.errno_ret = (code),				\
		.arg_count = 1,					\
		.args = { { (number), (how), __VA_ARGS__ } },	\
	}

#define SOCKET(how, family)					\
	ONE_ARG("socket", SECPROF_ALLOW, 0, 0, how, family, 0)
#define NO_SOCKET(how, family, code)				\
	ONE_ARG("socket", SECPROF_ERRNO, code, 0, how, family, 0)
#define PERSONALITY(persona)					\
	ONE_ARG("personality", SECPROF_ALLOW, 0, 0, SECPROF_EQ, persona, 0)

/* clone(2) without a flag that makes a namespace: none of the seven bits; and
 * one rule for each to say EPERM.  s390 has its first two arguments the other
 * way round. */
#define NEW_NS_BITS 0x7e020000u
#define CLONE(result, code, number, mask, bits, ...)		\
	{							\
		.names = LIST("clone"),				\
		.action = (result),				\
		.errno_ret = (code),				\
		.arg_count = 1,					\
		.args = { { (number), SECPROF_MASKED_EQ,	\
			    (mask), (bits) } },			\
		__VA_ARGS__					\
	}
#define NOT_S390 .exclude = { .caps = CAP_BIT(CAP_SYS_ADMIN),	\
			      .arches = LIST("s390", "s390x") }
#define ON_S390 .include = { .arches = LIST("s390", "s390x") },	\
		.exclude = { .caps = CAP_BIT(CAP_SYS_ADMIN) }
#define NO_CLONE(bit)						\
	CLONE(SECPROF_ERRNO, EPERM, 0, bit, bit, NOT_S390),	\
	CLONE(SECPROF_ERRNO, EPERM, 1, bit, bit, ON_S390)

/* ioctl(2) with every request but two: those that put words into the mouth of
 * a terminal.  A request is another one when it differs from both in one of
 * the bits that they share, or when the three bits where they do not are of
 * neither. */
#define REQUEST_BITS 0xffffffffu
#define UNSHARED_BITS 0xeu
#define IOCTL(result, code, mask, bits)				\
	ONE_ARG("ioctl", result, code, 1, SECPROF_MASKED_EQ, mask, bits)
#define DIFFERS(n)						\
	IOCTL(SECPROF_ALLOW, 0, 1ull << (n), (1ull << (n)) & ~(uint64_t)TIOCSTI)
#define UNSHARED(bits)						\
	IOCTL(SECPROF_ALLOW, 0, UNSHARED_BITS, bits)

_Static_assert(TIOCSTI == 0x5412 && TIOCLINUX == 0x541c &&
	       (TIOCSTI ^ TIOCLINUX) == UNSHARED_BITS, "the rules of ioctl are made for these");

static const struct secprof_rule rules[] = {
	{ .names = allowed, .action = SECPROF_ALLOW },
	{ .names = denied, .action = SECPROF_ERRNO, .errno_ret = EPERM },
	{
		.names = admin,
		.action = SECPROF_ALLOW,
		.include = { .caps = CAP_BIT(CAP_SYS_ADMIN) },
	},
	{
		.names = admin,
		.action = SECPROF_ERRNO,
		.errno_ret = EPERM,
		.exclude = { .caps = CAP_BIT(CAP_SYS_ADMIN) },
	},
	WITH_CAP(CAP_DAC_READ_SEARCH, "open_by_handle_at"),
	WITH_CAP(CAP_SYS_BOOT, "reboot"),
	WITH_CAP(CAP_SYS_CHROOT, "chroot"),
	WITH_CAP(CAP_SYS_MODULE, "delete_module", "finit_module", "init_module"),
	WITH_CAP(CAP_SYS_NICE, "get_mempolicy", "mbind", "set_mempolicy",
		 "set_mempolicy_home_node"),
	WITH_CAP(CAP_SYS_PACCT, "acct"),
	WITH_CAP(CAP_SYS_PTRACE, "kcmp", "pidfd_getfd", "process_madvise"),
	WITH_CAP(CAP_SYS_RAWIO, "ioperm", "iopl"),
	WITH_CAP(CAP_SYS_TIME, "clock_settime", "clock_settime64",
		 "settimeofday", "stime"),
	WITH_CAP(CAP_SYS_TTY_CONFIG, "vhangup"),
	WITH_CAP_OR_ADMIN(CAP_BPF, "bpf"),
	WITH_CAP_OR_ADMIN(CAP_PERFMON, "perf_event_open"),
	WITH_CAP_OR_ADMIN(CAP_SYSLOG, "syslog"),

	/* its flags are in memory: without it C libraries use clone */
	{
		.names = LIST("clone3"),
		.action = SECPROF_ERRNO,
		.errno_ret = ENOSYS,
		.exclude = { .caps = CAP_BIT(CAP_SYS_ADMIN) },
	},
	{
		.names = LIST("clone", "clone3"),
		.action = SECPROF_ALLOW,
		.include = { .caps = CAP_BIT(CAP_SYS_ADMIN) },
	},
	CLONE(SECPROF_ALLOW, 0, 0, NEW_NS_BITS, 0, NOT_S390),
	CLONE(SECPROF_ALLOW, 0, 1, NEW_NS_BITS, 0, ON_S390),
	NO_CLONE(0x00020000u),		/* mount */
	NO_CLONE(0x02000000u),		/* cgroup */
	NO_CLONE(0x04000000u),		/* uts */
	NO_CLONE(0x08000000u),		/* ipc */
	NO_CLONE(0x10000000u),		/* user */
	NO_CLONE(0x20000000u),		/* pid */
	NO_CLONE(0x40000000u),		/* network */

	/* 38 is AF_ALG: the kernel's ciphers write to shared page cache.  40 is
	 * AF_VSOCK: it leads past all network namespaces to the hypervisor.
	 * 45 is the last family of Linux 6.18. */
	SOCKET(SECPROF_LT, 38),
	NO_SOCKET(SECPROF_EQ, 38, EPERM),
	SOCKET(SECPROF_EQ, 39),
	NO_SOCKET(SECPROF_EQ, 40, EPERM),
	SOCKET(SECPROF_EQ, 41),
	SOCKET(SECPROF_EQ, 42),
	SOCKET(SECPROF_EQ, 43),
	SOCKET(SECPROF_EQ, 44),
	SOCKET(SECPROF_EQ, 45),
	NO_SOCKET(SECPROF_GT, 45, EAFNOSUPPORT),

	/* Linux and Linux32, with and without UNAME26, and the question which
	 * one it is.  No condition fits all the others; they get ENOSYS. */
	PERSONALITY(0x0),
	PERSONALITY(0x8),
	PERSONALITY(0x20000),
	PERSONALITY(0x20008),
	PERSONALITY(0xffffffff),

	IOCTL(SECPROF_ERRNO, EPERM, REQUEST_BITS, TIOCSTI),
	IOCTL(SECPROF_ERRNO, EPERM, REQUEST_BITS, TIOCLINUX),
	DIFFERS(0), DIFFERS(4), DIFFERS(5), DIFFERS(6), DIFFERS(7),
	DIFFERS(8), DIFFERS(9), DIFFERS(10), DIFFERS(11), DIFFERS(12),
	DIFFERS(13), DIFFERS(14), DIFFERS(15), DIFFERS(16), DIFFERS(17),
	DIFFERS(18), DIFFERS(19), DIFFERS(20), DIFFERS(21), DIFFERS(22),
	DIFFERS(23), DIFFERS(24), DIFFERS(25), DIFFERS(26), DIFFERS(27),
	DIFFERS(28), DIFFERS(29), DIFFERS(30), DIFFERS(31),
	UNSHARED(0x0), UNSHARED(0x4), UNSHARED(0x6), UNSHARED(0x8),
	UNSHARED(0xa), UNSHARED(0xe),
};

/* TIOCSTI's unshared bits are 0x2, TIOCLINUX's 0xc */
_Static_assert((TIOCSTI & UNSHARED_BITS) == 0x2 &&
	       (TIOCLINUX & UNSHARED_BITS) == 0xc, "UNSHARED lists the other six");

static const struct secprof_arch arches[] = {
	{ "SCMP_ARCH_X86_64", LIST("SCMP_ARCH_X86") },
	{ "SCMP_ARCH_AARCH64", LIST("SCMP_ARCH_ARM") },
	{ "SCMP_ARCH_S390X", LIST("SCMP_ARCH_S390") },
	{ "SCMP_ARCH_PPC64LE", LIST(NULL) },
	{ "SCMP_ARCH_RISCV64", LIST(NULL) },
	{ "SCMP_ARCH_LOONGARCH64", LIST(NULL) },
};

const struct secprof secprof_default = {
	.default_action = SECPROF_ERRNO,
	.default_errno = ENOSYS,
	.arches = arches,
	.arch_count = ARRAY_SIZE(arches),
	.rules = rules,
	.rule_count = ARRAY_SIZE(rules),
};
