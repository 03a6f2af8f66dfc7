/* step.h - the layout of a plan, shared by those who write it (compile), judge
 * it (check), show it (print) and carry it out (init).
 *
 *	struct plan_head | struct plan_step[step_count] | bytes, the last is 0
 *
 * A text is the offset of a NUL-terminated string, 0 for none.  A list is
 * `data_len` bytes of such strings one after the other.  Mounts in the making
 * live in slots, a small array of descriptors of the executing child: a step
 * fills a slot, later steps use it.  Slot 0 is the root file system.
 *
 * The order of the steps is the order of execution.  What stands before
 * OP_WAIT_MAPS is done while the helpers write the id maps, and so must not
 * create files nor name ids.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/limits.h"
#include "lib/base/proc.h"
#include "lib/fmt/spec.h"
#include "lib/os/tap.h"
#include "lib/runtime/plan.h"

#define PLAN_VERSION 2u

#define PLAN_SLOTS 250
#define SLOT_ROOT 0
#define SLOT_PROC 1			/* an unmasked procfs */
#define SLOT_DEV 2
#define SLOT_PTS 3
#define SLOT_MASK 4			/* the read-only tmpfs over directories */
#define SLOT_NULL 5			/* /dev/null, verified */
#define SLOT_FIRST 6			/* free ones from here on */

#define PLAN_LAYERS (MAX_LAYERS + 2)	/* with upper and work */

#define PLAN_STEPS_MAX 8192
#define PLAN_PRESERVE_MAX 64

enum plan_kind {
	PLAN_START = 1,
	PLAN_EXEC,
	PLAN_EARLY,			/* namespaces and maps only, no steps */
};

#define PLAN_F_SEALED_EXE (1u << 0)	/* a clone could be made writable again */
#define PLAN_F_DENY_SETGROUPS (1u << 1)
#define PLAN_F_INIT (1u << 2)		/* pid 1 stays ours and reaps */
#define PLAN_F_TERMINAL (1u << 3)
#define PLAN_F_REMOTE (1u << 4)		/* rt_go() comes through a listening socket */

struct plan_join {
	uint32_t flag;			/* CLONE_NEW* */
	uint32_t path;			/* text */
};

struct plan_head {
	uint32_t magic;
	uint32_t version;
	uint32_t size;			/* of the whole */
	uint32_t kind;
	uint32_t flags;			/* PLAN_F_* */
	uint32_t step_count;
	uint64_t clone_flags;		/* CLONE_NEW* of what is made new */
	uint32_t preserve_fds;
	uint32_t reserved;
	uint32_t uid_map, gid_map;	/* texts; 0: no maps to be written */
	uint32_t newuidmap, newgidmap;	/* texts; 0: written directly */
	struct proc_id join;		/* pid 0: none */
	uint64_t join_flags;		/* which of its namespaces */
	struct plan_join joins[SPEC_NS_COUNT];
	uint32_t cpus, cpus_len;		/* EXEC: where the joining process runs;
					 * uint64_t[], or 0 */
};

struct plan_step {
	uint16_t op;
	uint8_t slot;			/* filled, or worked on */
	uint8_t from;			/* used */
	uint32_t flags;			/* STEP_* */
	uint64_t a, b;			/* by the op */
	uint32_t s1, s2;		/* texts */
	uint32_t data, data_len;
};

/* What a step's members are: for the checker. */
#define USE_S1 (1u << 0)		/* s1 is there */
#define USE_S2 (1u << 1)
#define USE_FILL (1u << 2)		/* slot is filled */
#define USE_SLOT (1u << 3)		/* slot must have been filled */
#define USE_FROM (1u << 4)		/* from must have been filled */
#define USE_LIST (1u << 5)		/* data is a list, maybe empty */
#define USE_PAIRS (1u << 6)		/* data is a list of keys and values */
#define USE_IDS (1u << 7)		/* data is uint32_t[] */
#define USE_CAPS (1u << 8)		/* data is struct spec_caps */
#define USE_BPF (1u << 9)		/* data is struct sock_filter[] */
#define USE_EXEC (1u << 10)		/* data is struct plan_vectors */
#define USE_TAP (1u << 11)		/* data is struct tap_config */
#define USE_BITS (1u << 12)		/* data is uint64_t[], maybe empty */
#define USE_SCHED (1u << 13)		/* data is struct spec_scheduler */

/* op, name for --dry-run, what an error of it is about, members */
#define PLAN_OPS(X)							\
	X(SESSION, "session", "begin a session", 0)			\
	X(PRIVATE, "private", "make the mounts private", 0)		\
	X(KEYRING, "keyring", "join a session keyring", 0)		\
	X(LO, "lo", "raise lo", 0)					\
	X(HOSTNAME, "hostname", "set host name '%s'", USE_S1)		\
	X(DOMAINNAME, "domainname", "set domain name '%s'", USE_S1)	\
	X(OOM_SCORE, "oom-score", "set oom_score_adj", 0)		\
	X(TIME_NS, "time-ns", "set up the time namespace", 0)		\
	X(WAIT_MAPS, "wait-maps", "wait for the id maps", 0)		\
	X(BECOME_ROOT, "become-root", "become root of the user namespace", 0) \
	X(NET_DEVICES, "net-devices", "move network devices", USE_PAIRS) \
	X(TAP, "tap", "set up the network", USE_S1 | USE_TAP)		\
	X(FSMOUNT, "fsmount", "mount %s", USE_S1 | USE_FILL | USE_PAIRS) \
	X(LAYERS, "layers", "open the layers in '%s'", USE_S1 | USE_PAIRS) \
	X(OVERLAY, "overlay", "mount the root file system over '%s'",	\
	  USE_S1 | USE_FILL | USE_PAIRS)				\
	X(FUSE, "fuse", "mount the root file system by '%s'", USE_S1 | USE_FILL | USE_LIST) \
	X(TREE, "tree", "open '%s'", USE_S1 | USE_FILL)			\
	X(DEVICE, "device", "open device '%s'", USE_S1 | USE_FILL)	\
	X(ATTR, "attr", "mount '%s'", USE_S1 | USE_SLOT)		\
	X(IDMAP, "idmap", "map the ids of mount '%s'", USE_S1 | USE_SLOT | USE_PAIRS) \
	X(SYSCTL, "sysctl", "set sysctl '%s'", USE_S1 | USE_S2 | USE_SLOT) \
	X(ROOT, "root", "attach the root file system", USE_SLOT)	\
	X(ATTACH, "mount", "mount '%s'", USE_S1 | USE_SLOT | USE_FROM)	\
	X(REMOUNT, "remount", "remount '%s'", USE_S1 | USE_SLOT)	\
	X(DEV_DIR, "dev-dir", "use '/dev' of the root file system", USE_FILL | USE_FROM) \
	X(NODE, "node", "make device '%s'", USE_S1 | USE_SLOT | USE_IDS) \
	X(COPY_LINK, "copy-link", "copy symbolic link '%s'", USE_S1 | USE_SLOT | USE_FROM) \
	X(SYMLINK, "symlink", "make symbolic link '%s'", USE_S1 | USE_S2 | USE_SLOT) \
	X(COPY_UP, "copy-up", "copy '%s' to its tmpfs", USE_S1 | USE_SLOT | USE_FROM) \
	X(CONSOLE, "console", "set up the terminal", 0) \
	X(MASK, "mask", "mask '%s'", USE_S1 | USE_SLOT | USE_FROM)	\
	X(READ_ONLY, "read-only", "make '%s' read-only", USE_S1 | USE_SLOT) \
	X(PIVOT, "pivot", "change the root file system", USE_SLOT)	\
	X(ROOT_ATTR, "root-attr", "change the root mount's attributes", 0) \
	X(VERIFY_ROOT, "verify-root", "verify the root file system", USE_SLOT) \
	X(VERIFY_MASK, "verify-mask", "verify that '%s' is masked",	\
	  USE_S1 | USE_SLOT | USE_FROM)					\
	X(VERIFY_READ_ONLY, "verify-read-only", "verify that '%s' is read-only", \
	  USE_S1 | USE_SLOT)						\
	X(HOOK, "hook", "hook '%s'", USE_S1 | USE_EXEC)			\
	X(OWN_STDIO, "own-stdio", "give the standard streams to the user", 0) \
	X(LOOKUP, "lookup", "run '%s'", USE_S1)			\
	X(READY, "ready", "report", 0)					\
	X(WAIT_GO, "wait-go", "wait for the start", 0)			\
	X(PERSONALITY, "personality", "set the execution domain", 0)	\
	X(MEMORY_POLICY, "memory-policy", "set memory policy %s", USE_S1 | USE_BITS) \
	X(AFFINITY, "affinity", "set the CPU affinity", USE_BITS)	\
	X(SCHEDULER, "scheduler", "set scheduler %s", USE_S1 | USE_SCHED) \
	X(IO_PRIORITY, "io-priority", "set the I/O priority", 0)	\
	X(RLIMIT, "rlimit", "set resource limit %s", USE_S1)		\
	X(MKCWD, "mkcwd", "make working directory '%s'", USE_S1)	\
	X(CWD, "cwd", "enter working directory '%s'", USE_S1)		\
	X(UMASK, "umask", "set umask", 0)				\
	X(LSM, "lsm", "set security label '%s'", USE_S1 | USE_S2 | USE_SLOT) \
	X(BOUND, "bound", "drop capabilities", 0)			\
	X(CREDS, "creds", "become the user", USE_IDS)			\
	X(CAPS, "caps", "set capabilities", USE_CAPS)			\
	X(NO_NEW_PRIVS, "no-new-privs", "set no_new_privs", 0)		\
	X(SECCOMP, "seccomp", "load the seccomp filter", USE_BPF)	\
	X(VERIFY_OOM_SCORE, "verify-oom-score", "verify oom_score_adj", USE_SLOT) \
	X(VERIFY_RLIMIT, "verify-rlimit", "verify resource limit %s", USE_S1) \
	X(VERIFY_LSM, "verify-lsm", "verify security label '%s'",	\
	  USE_S1 | USE_S2 | USE_SLOT)					\
	X(VERIFY_IDS, "verify-ids", "verify the user", USE_IDS)		\
	X(VERIFY, "verify", "verify that restrictions hold", USE_CAPS)	\
	X(CALL, "call", "runtime '%s'", USE_S1 | USE_S2 | USE_EXEC)	\
	X(FOLLOW, "follow", "follow the runtime's process", 0)		\
	X(EXEC, "exec", "run '%s'", USE_S1 | USE_EXEC)

enum plan_op {
#define X(op, name, words, uses) OP_##op,
	PLAN_OPS(X)
#undef X
	OP_COUNT,
};

/* flags of steps */
#define STEP_OPTIONAL (1u << 0)		/* FSMOUNT, TREE, MASK...: may be missing */
#define STEP_RECURSIVE (1u << 1)	/* TREE: with the mounts below */
#define STEP_ATTR_RECURSIVE (1u << 2)	/* attributes for those as well */
#define STEP_FALLBACK (1u << 3)		/* FSMOUNT: else bind the host's s2 */
#define STEP_REAL_DIR (1u << 4)		/* ATTACH: no link on the way to s1 */
#define STEP_IN_PROC (1u << 5)		/* ATTACH: may land in procfs */
#define STEP_NO_FOLLOW (1u << 6)	/* TREE, ATTACH: the link itself */
#define STEP_NO_NEW_PRIVS (1u << 7)	/* VERIFY: must be set */
#define STEP_SECCOMP (1u << 8)		/* VERIFY: a filter must be loaded */
#define STEP_EARLY (1u << 9)		/* TREE: tried again once ids are mapped */
#define STEP_OUTSIDE (1u << 10)		/* HOOK: run by who started the container */
#define STEP_MAKES (1u << 11)		/* CALL: it leaves the process to FOLLOW, */
#define STEP_TERMINAL (1u << 12)	/* and its terminal */

/* Members by op, where the table does not tell:
 *	FSMOUNT	a: attributes set; b: rung to report when the fallback is taken,
 *		or if it is optional when there is none
 *	TREE	a: attributes set; b: cleared; data_len: propagation (MS_*)
 *	ATTR	as TREE, on slot; s1: where it will be
 *	REMOUNT	the same, on what is mounted at s1
 *	IDMAP	s1: where it will be; data: user map and group map, or nothing: as
 *		the container's
 *	DEVICE	a: type, b: number
 *	LAYERS	s1, data: those of OVERLAY, which then uses what was opened
 *	ATTACH	slot: directory the path is below; from: what is attached;
 *	DEV_DIR	slot: SLOT_DEV, from: root
 *	NODE	slot: directory; a: type and mode, b: number; data: uid, gid; s2:
 *		what is bound when no node can be made
 *	COPY_LINK slot: root; from: what is to be mounted there unless it is a link
 *	SYMLINK	s1: its name, s2: its text
 *	COPY_UP	slot: root; from: the tmpfs; s1: what is copied
 *	CONSOLE	slot: SLOT_DEV for a /dev/console; a: rows << 16 | columns
 *	MASK	slot: root; from: SLOT_MASK, and SLOT_NULL for files
 *	PIVOT	slot: root; a: not 0: by chroot
 *	VERIFY_ROOT slot: root; a: attributes that it must have
 *	VERIFY_MASK, VERIFY_READ_ONLY those of MASK and READ_ONLY
 *	ROOT_ATTR a: attributes set; b: propagation
 *	NET_DEVICES data: names outside and inside
 *	TAP	s1: the tun device; replaces the pointer of the config
 *	TIME_NS	s1: lines for timens_offsets, if any
 *	PERSONALITY a: of personality(2)
 *	MEMORY_POLICY s1: its name; a: of set_mempolicy(2); data: nodes
 *	AFFINITY data: processors; none: all
 *	SCHEDULER s1: the policy's name
 *	IO_PRIORITY a: of ioprio_set(2)
 *	RLIMIT	a: soft, b: hard; flags: the number; VERIFY_RLIMIT the same
 *	OOM_SCORE a: the score, as int64_t; VERIFY_OOM_SCORE the same
 *	UMASK	a: the mask
 *	BOUND	a: what stays
 *	CREDS	a: uid, b: gid; data: supplementary groups
 *	VERIFY_IDS the same
 *	SECCOMP	a: flags of seccomp(2); with a listener s1: whom to tell, s2: the
 *		words, with a byte 1 wherever the process's pid outside belongs
 *	VERIFY	a: the umask
 *	OWN_STDIO a: uid, b: gid
 *	HOOK	a: timeout in seconds, 0: none; b: enum spec_hook_point; s2: the
 *		state up to its pid, and behind its NUL what follows the number;
 *		also behind EXEC, for those that then come (STEP_OUTSIDE)
 *	LOOKUP	s1: the program, s2: PATH
 *	CALL	s1: the program; s2: the directory where it works
 *	LSM	s1: the label, s2: the file in procfs; VERIFY_LSM the same
 */

/* Argument and environment vectors: args then env, each followed by an empty
 * place.  In the blob a place holds the text's offset; the child turns them
 * into pointers where they stand. */
struct plan_vectors {
	uint32_t argc;
	uint32_t envc;
	uint64_t places[];		/* argc + 1 + envc + 1 */
};

static inline const struct plan_step *plan_steps(const struct plan_head *h)
{
	return (const struct plan_step *)(h + 1);
}

static inline const char *plan_text(const void *plan, uint32_t at)
{
	return at ? (const char *)plan + at : NULL;
}

extern const struct plan_op_info {
	const char *name;
	const char *words;
	uint32_t uses;
} plan_ops[OP_COUNT];
