/* plan.h - a container's spec compiled into steps that need no thought.
 *
 * A plan is one flat blob: a header, an array of fixed-size steps, and bytes
 * that the steps refer to by offset (lib/runtime/step.h has the layout).  It
 * holds no pointer, so it goes to the shim in a sealed memfd and from there to
 * the child that executes it, which allocates nothing and parses nothing.
 *
 * Everything a spec cannot say is in struct plan_options: how ids are mapped,
 * what the root file system is made of, the compiled seccomp filter.  What is
 * wrong with a spec is said here, in words, before anything is started.
 *
 * plan_check() must have accepted a blob that came from elsewhere before any
 * other function reads it, and before rt_start() or rt_exec().
 *
 * Ownership: options only lend; the blob holds copies.
 * Errors: -EINVAL a member of the spec, with its name; -ENOTSUP a member that
 * an ordinary user cannot have; -EBADMSG not a plan of this version.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/proc.h"
#include "lib/fmt/idmap.h"
#include "lib/fmt/secprof.h"
#include "lib/fmt/spec.h"
#include "lib/os/tap.h"

/* Every plan begins with these four bytes, as a number. */
#define PLAN_MAGIC 0x6e616c70u		/* "plan" */

enum plan_root_kind {
	PLAN_ROOT_DIR,			/* path is the root file system */
	PLAN_ROOT_OVERLAY,		/* by the kernel */
	PLAN_ROOT_FUSE,			/* by program, outside the container */
};

struct plan_root {
	enum plan_root_kind kind;
	const char *path;		/* DIR: absolute */
	bool recursive;			/* DIR: with the mounts below it */

	/* OVERLAY and FUSE.  Lower names are relative to base, the topmost
	 * first; upper and work too unless they are absolute. No upper: the
	 * root is read-only. */
	const char *base;		/* absolute */
	struct strv lowers;
	const char *upper;
	const char *work;
	struct strv options;		/* "userxattr", "volatile", "index=off" */
	const char *program;		/* FUSE: absolute path of fuse-overlayfs */
};

enum plan_net_kind {
	PLAN_NET_NONE,			/* a new namespace with lo up */
	PLAN_NET_TAP,			/* the same with a tap as tap says */
	PLAN_NET_HOST,			/* ours */
	PLAN_NET_JOIN,			/* those of join: its user ns as well */
};

struct plan_net {
	enum plan_net_kind kind;
	const struct tap_config *tap;
	struct proc_id join;		/* a process of the other container */
};

/* A host file bound over a file of the container: resolv.conf, hosts ... */
struct plan_file {
	const char *source;		/* absolute */
	const char *target;		/* absolute, inside */
	bool read_only;
};

/* A container that another runtime makes: we make what surrounds it, call that
 * one there, and follow the process that it leaves to us, whose end is then
 * the plan's. */
struct plan_runtime {
	const char *program;		/* absolute */
	const char *dir;		/* absolute: where it works, where it leaves the
					 * process's number in the file PLAN_PID, and a
					 * terminal to the socket PLAN_CONSOLE */
	struct strv create;		/* arguments, with the program's name */
	struct strv start;		/* of a container */
	struct strv env;
	bool terminal;
	struct plan_root root;		/* of a container, mounted at root_at; that of */
	const char *root_at;		/* the options is what surrounds it */
};

#define PLAN_PID "pid"
#define PLAN_CONSOLE "console"

struct plan_options {
	const struct idmap *idmap;	/* NULL or empty: no user namespace */
	uint32_t self_uid, self_gid;	/* who starts it: geteuid, getegid */
	const char *newuidmap;		/* absolute, or NULL: written directly */
	const char *newgidmap;
	struct plan_root root;
	struct plan_net net;
	const void *seccomp;		/* struct sock_filter[], or NULL */
	size_t seccomp_len;		/* bytes */
	const struct secprof *profile;	/* that of the filter, for its flags and
					 * listener; NULL: it has none */
	const struct plan_file *files;
	size_t file_count;
	bool init;			/* --init: pid 1 is ours and reaps */
	bool no_pivot;			/* where pivot_root(2) cannot work: chroot(2) */
	bool keep_keyring;		/* no session keyring of its own */
	const char *state;		/* hooks' state JSON: its first members, */
	const char *state_rest;		/* and those behind status and pid */
	bool remote;			/* another process will rt_go() */
	const struct plan_runtime *runtime;	/* instead of the spec's process */
	unsigned preserve_fds;		/* descriptors from 3 on to be kept */
};

/* The options of mounts that are not their file system's; NULL: no more. */
const char *plan_mount_option(size_t i);

int plan_compile(struct buf *out, const struct spec *s,
		 const struct plan_options *o, struct err *e) MUST_CHECK;

/* What can begin before the rest is known: namespaces and id maps, of which
 * the latter take the longest (rt_prepare()).  Of the options only the map and
 * what goes with it counts. */
int plan_compile_early(struct buf *out, const struct plan_options *o,
		       uint64_t clone_flags, struct err *e) MUST_CHECK;

/* One more process in a running container. */
struct plan_exec_options {
	const struct idmap *idmap;	/* the container's, as far as it is known */
	bool join_user;			/* it has a user namespace, map or no map */
	uint64_t join_flags;		/* CLONE_NEW*: its other namespaces */
	bool deny_setgroups;		/* the container's plan_denies_setgroups() */
	const void *seccomp;
	size_t seccomp_len;
	const struct secprof *profile;
	const char *state;		/* the container's, as JSON, for a listener */
	const struct spec *container;	/* for its personality and memory policy;
					 * NULL: it has none */
	bool keep_keyring;
	unsigned preserve_fds;
	const struct plan_runtime *runtime;	/* to be asked for the process */
};

int plan_compile_exec(struct buf *out, const struct spec_process *p,
		      const struct plan_exec_options *o,
		      struct err *e) MUST_CHECK;

/* What an exec plan must know of the container's own plan: the namespaces it
 * has for itself, and whether setgroups(2) is denied in it. */
uint64_t plan_join_flags(const void *plan);
bool plan_denies_setgroups(const void *plan);

/* The container's filter, for those who join it; NULL: none.  A plain one needs
 * nothing of its profile: it has neither flags nor a listener. */
const void *plan_seccomp(const void *plan, size_t *len, bool *is_plain);

/* Is every offset, count and text of the blob in order? */
int plan_check(const void *plan, size_t len, struct err *e) MUST_CHECK;

/* One line a step, for people. */
void plan_print(const void *plan, size_t len, struct buf *out);

/* What an error of that step is about: "mount '/data'". */
#define PLAN_WORDS_MAX 512
void plan_describe(const void *plan, unsigned step, char out[static PLAN_WORDS_MAX]);

/* Lower rungs that the executing side had to take; each has one line for
 * people (plan_rung_text), NULL for an unknown bit. */
#define PLAN_RUNG_PROC_BIND	(1u << 0)
#define PLAN_RUNG_SYS_BIND	(1u << 1)
#define PLAN_RUNG_NO_CGROUPFS	(1u << 2)
#define PLAN_RUNG_NO_SETGROUPS	(1u << 3)
#define PLAN_RUNG_NO_KEYRING	(1u << 4)
#define PLAN_RUNG_NO_MQUEUE	(1u << 5)
#define PLAN_RUNG_FEWER_CAPS	(1u << 6)
#define PLAN_RUNG_COUNT		7
const char *plan_rung_text(uint32_t rung);
