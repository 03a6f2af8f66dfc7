/* compile.h - inside the runtime: a compilation in progress. */
#pragma once

#include "lib/runtime/blob.h"
#include "lib/runtime/plan.h"

struct compile {
	struct blob blob;
	const struct spec *spec;
	const struct plan_options *opt;
	bool has_userns;		/* a new one */
	bool has_maps;			/* ids inside differ from ours */
	bool early;			/* files may be owned before the maps */
	bool is_foreign;		/* the caller's id is none inside */
	bool is_privileged;		/* in nobody's user namespace but the first */
	uint64_t propagation;		/* MS_SLAVE, MS_SHARED: some mount asks for it */
	bool has_dev;			/* /dev is a tmpfs that we made */
	bool binds_dev;			/* it is somebody else's */
	bool has_pts;
	bool proc_used;			/* SLOT_PROC is the container's /proc */
	struct mount_plan *mounts;	/* of spec->mounts */
	uint8_t *file_slots;		/* of opt->files */
};

/* What the options of one mount come to (compile_options.c). */
struct mount_attrs {
	uint64_t set, clear;		/* MOUNT_ATTR_* */
};

struct mount_spread {
	uint64_t value;			/* MS_* */
	bool recursive;
};

enum mount_idmap { MOUNT_IDMAP_NONE, MOUNT_IDMAP_TOP, MOUNT_IDMAP_ALL };

struct mount_plan {
	bool bind, recursive, remount;
	bool copy_up, copy_link, no_follow, dest_no_follow;
	bool names_ids;			/* must wait for the maps */
	enum mount_idmap idmap;
	struct mount_attrs top, all;	/* of the mount, and of those below it too */
	struct mount_spread propagation[5];
	size_t propagation_count;
	struct strv pairs;		/* for the file system itself */
	struct strv super;		/* flags that only a file system has */
	char *target;			/* absolute and clean */
	uint8_t slot;
};

int mount_plan_read(struct mount_plan *m, const struct compile *c,
		    const struct spec_mount *sm, struct err *e) MUST_CHECK;
void mount_plan_clear(struct mount_plan *m);

/* The changes that lead there, in order. */
struct mount_step {
	struct mount_attrs attrs;
	uint64_t propagation;
	bool recursive;
};
#define MOUNT_STEPS_MAX 7
size_t mount_plan_changes(const struct mount_plan *m, struct mount_step out[MOUNT_STEPS_MAX]);

/* check.c: what is wrong with a spec, before anything is compiled */
int check_spec(const struct spec *s, const struct plan_options *o,
	       struct err *e) MUST_CHECK;
int check_process(const struct spec_process *p, const struct idmap *map,
		  struct err *e) MUST_CHECK;

/* compile_mounts.c: how each mount is made */
int compile_mounts_read(struct compile *c, struct err *e) MUST_CHECK;
int compile_mounts_early(struct compile *c, struct err *e) MUST_CHECK;
int compile_mounts_late(struct compile *c, struct err *e) MUST_CHECK;
void compile_mounts_clear(struct compile *c);
void device_step(struct compile *c, const struct spec_device *d, uint8_t slot);

/* compile_places.c: where it goes */
int compile_places(struct compile *c, struct err *e) MUST_CHECK;
void compile_verify(struct compile *c);	/* that the paths are restricted */

/* compile_root.c */
uint64_t propagation_wanted(const struct compile *c);
void compile_private(struct compile *c);
void compile_root_attrs(struct compile *c);
int compile_root_early(struct compile *c, struct err *e) MUST_CHECK;
int compile_root(struct compile *c, struct err *e) MUST_CHECK;
int compile_inner_root(struct compile *c, struct err *e) MUST_CHECK;

/* compile_proc.c: from credentials to execve */
struct compile_proc {
	const struct spec_process *process;
	const struct spec *container;	/* NULL: nothing of it counts */
	const void *seccomp;
	size_t seccomp_len;
	const struct secprof *profile;
	const char *state;		/* for a listener */
	bool is_exec;
};
int compile_process(struct blob *b, const struct compile_proc *p,
		    struct err *e) MUST_CHECK;
int rlimit_number(const char *name);	/* -1: no such limit */

/* compile_runtime.c: what another runtime is asked to do */
void compile_create(struct blob *b, const struct plan_runtime *r);
void compile_start(struct blob *b, const struct plan_runtime *r);
void compile_follow(struct blob *b);

static inline struct plan_step step_of(enum plan_op op)
{
	return (struct plan_step){ .op = (uint16_t)op };
}
