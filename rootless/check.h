/* check.h - what this machine lets one unprivileged user do with containers,
 * what is taken instead of what it does not, and what an administrator can do
 * about it.
 *
 * Each line is found by trying (lib/os/probe) or by reading the one file that
 * decides; none comes from a version number.
 *
 * Ownership: struct checks owns its texts.
 * Errors: only what keeps the probes from being made at all; what they find is
 * a verdict.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/os/probe.h"
#include "rootless/idmap.h"

enum check_verdict {
	CHECK_OK,
	CHECK_LOWER,			/* a lower rung is taken */
	CHECK_MISSING,			/* not to be had */
};

struct check {
	const char *what;		/* "user namespaces" */
	enum check_verdict verdict;
	bool is_needed;			/* without it no container runs */
	char *reason;			/* what was found, and what is done instead */
	char *remedy;			/* a command; NULL: none */
};

struct checks {
	struct check *v;
	size_t len;
};

#define CHECKS_INIT { .v = NULL }

void checks_clear(struct checks *c);

static inline void checks_auto(struct checks *c)
{
	checks_clear(c);
}

struct check_env {
	const char *data_dir;
	const char *local_dir;		/* for what that cannot hold */
	const char *run_dir;
	bool run_dir_is_fallback;
	const char *fuse_program;	/* fuse-overlayfs, or NULL */
	struct ids_env ids;
};

int check_machine(struct checks *out, const struct check_env *env,
		  struct err *e) MUST_CHECK;

/* Can containers run here? */
bool checks_pass(const struct checks *c);
