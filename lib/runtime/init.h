/* init.h - inside the runtime: the child that carries out a plan.
 *
 * It was started by start.c or exec.c with fixed descriptors (0, 1, 2, the
 * preserved ones, then plan and socket), and talks to its parent by struct
 * rt_msg.  Nothing is allocated; a step returns 0 or -errno.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/os/mount.h"
#include "lib/runtime/step.h"

/* child to parent; most carry one descriptor */
enum rt_msg_kind {
	RT_MSG_EXE = 1,			/* our own program, read-only */
	RT_MSG_TAP,			/* value: enum tap_kind */
	RT_MSG_NET_DEVICES,		/* a netlink socket of our network namespace */
	RT_MSG_CONSOLE,
	RT_MSG_FUSE,			/* an opened /dev/fuse, mounted */
	RT_MSG_READY,			/* value: rungs */
	RT_MSG_HOOK,			/* at a hook; the answer, an int32_t, is our
					 * pid outside; or how that hook went there */
	RT_MSG_HOOK_DONE,		/* of one that is ours to run */
	RT_MSG_SECCOMP,			/* the listener of the filter */
	RT_MSG_IDMAP,			/* a mount; the answer, an int32_t, is how that went */
	RT_MSG_PROCESS,			/* exec: value: pid; its pidfd */
	RT_MSG_ERROR,			/* step, value: errno, detail */
};

struct rt_msg {
	uint32_t kind;
	uint32_t step;
	int32_t value;
	uint32_t detail;		/* RT_DETAIL_*, or a tap step */
};

/* step numbers that are not of the plan */
#define RT_STEP_CLONE 0xffff0001u	/* own executable, before the plan */
#define RT_STEP_REEXEC 0xffff0002u
#define RT_STEP_JOIN 0xffff0003u
#define RT_STEP_FORK 0xffff0004u
#define RT_STEP_CPUS 0xffff0005u

/* parent to child, one byte each */
#define RT_MAPS_WRITTEN 'm'
#define RT_GO 'g'
#define RT_FUSE_READY 'f'
#define RT_LET_GO 'l'			/* another process comes with RT_GO */
#define RT_MOVED 'd'			/* the network devices are there */
#define RT_HEARD 'h'			/* whoever listens has the filter's listener */

#define RT_INIT_NAME "coracle-init"
#define RT_EXEC_NAME "coracle-exec"

struct init {
	char *plan;			/* private and writable */
	const struct plan_head *head;
	int first_fd;			/* 3 + preserved */
	int sock;
	int slots[PLAN_SLOTS];
	int layers[PLAN_LAYERS];	/* of OP_LAYERS */
	size_t layer_count;
	uint32_t rungs;
	uint32_t step;			/* the current one */
	uint32_t detail;
	bool direct;			/* not re-executed */
	pid_t followed;			/* the process that CALL left to us */
	uint64_t caps;			/* what we hold before we give up any */
	struct mount_stage stage;
	uint32_t later[PLAN_STEPS_MAX / 32];	/* steps for which it was early */
	bool again;			/* their turn has come */
	int status_fd;			/* our own status, opened before seccomp */
	char status[KIB(64)];		/* what it says at the end */
};

typedef int init_op(struct init *in, const struct plan_step *s);

/* init_mount.c */
init_op init_private, init_fsmount, init_layers, init_overlay, init_fuse, init_tree,
	init_device, init_attr, init_remount, init_idmap, init_root, init_pivot, init_root_attr,
	init_verify_root;
/* init_place.c: what happens at a path inside the root */
init_op init_attach, init_dev_dir, init_node, init_copy_link, init_symlink, init_copy_up,
	init_console, init_mask, init_read_only, init_verify_mask, init_verify_read_only,
	init_mkcwd, init_cwd, init_sysctl;
/* init_proc.c: the process itself */
init_op init_session, init_keyring, init_lo, init_hostname, init_domainname,
	init_oom_score, init_time_ns, init_become_root, init_net_devices, init_tap, init_own_stdio,
	init_personality, init_memory_policy, init_affinity, init_scheduler,
	init_io_priority, init_rlimit, init_umask, init_lsm, init_bound, init_creds,
	init_caps, init_no_new_privs, init_seccomp;
/* init_verify.c */

/* The number behind "\nNAME:\t" of a status file; -ENODATA, -EBADMSG. */
int status_value(const char *text, const char *name, unsigned base, uint64_t *out) MUST_CHECK;

init_op init_verify_ids, init_verify, init_verify_rlimit, init_verify_oom_score,
	init_verify_lsm;
/* init_exec.c */
init_op init_hook, init_lookup, init_exec;
/* init_runtime.c */
init_op init_call, init_follow;
/* init.c */
init_op init_wait_maps, init_ready, init_wait_go;

/* Who joins a container cannot have one there. */
static inline struct mount_stage *init_stage(struct init *in)
{
	return in->head->kind == PLAN_START ? &in->stage : NULL;
}

static inline const char *init_text(const struct init *in, uint32_t at)
{
	return plan_text(in->plan, at);
}

/* Tells the parent, with a descriptor unless fd is -1. */
int rt_tell(int sock, uint32_t kind, uint32_t step, int32_t value,
	    uint32_t detail, int fd);

/* Sets in->caps. */
int init_own_caps(struct init *in);

/* A number as text, which ends where out ends. */
char *init_decimal(char out[static 24], int64_t value);

/* Waits for this byte; -EPIPE when the parent gave up. */
int init_wait_for(struct init *in, char what);

/* A mount of the host's node, if it is what it should be: also found by its
 * number when it has another name. */
int init_open_device(struct init *in, const char *path, uint64_t type, dev_t number);

/* The two vectors as execve wants them; turned in place, once. */
struct plan_vectors;
void init_vectors(struct init *in, const struct plan_step *s, char ***argv,
		  char ***envp);

/* With all signals blocked: reaps whatever becomes our child, hands signals on
 * to this one, and ends as it does. */
_Noreturn void init_reap(pid_t child);

/* execve with a search in the PATH of env. */
int init_exec_search(const char *file, char **argv, char **envp);

/* The whole life of the child; direct: without having been re-executed. */
_Noreturn void init_main(unsigned preserve, bool direct);
