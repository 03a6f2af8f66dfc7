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
	bool has_dev;			/* /dev is a tmpfs that we made */
	bool has_pts;
	bool proc_used;			/* SLOT_PROC is the container's /proc */
	uint8_t *mount_slots;		/* of spec->mounts */
	uint8_t *file_slots;		/* of opt->files */
};

/* check.c: what is wrong with a spec, before anything is compiled */
int check_spec(const struct spec *s, const struct plan_options *o,
	       struct err *e) MUST_CHECK;
int check_process(const struct spec_process *p, const struct idmap *map,
		  struct err *e) MUST_CHECK;

/* compile_mounts.c */
int compile_mounts_early(struct compile *c, struct err *e) MUST_CHECK;
int compile_mounts_late(struct compile *c, struct err *e) MUST_CHECK;
int compile_places(struct compile *c, struct err *e) MUST_CHECK;
void compile_verify(struct compile *c);	/* that the paths are restricted */

/* compile_root.c */
int compile_root_early(struct compile *c, struct err *e) MUST_CHECK;
int compile_root(struct compile *c, struct err *e) MUST_CHECK;

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

static inline struct plan_step step_of(enum plan_op op)
{
	return (struct plan_step){ .op = (uint16_t)op };
}
