/* spec.h - from what a container is to be, to an OCI runtime spec.
 *
 * Everything that has been decided outside the configuration is in struct
 * ctr_spec_in.  Pure, apart from reading the rows it is given.
 * Errors: -EINVAL names the flag.
 */
#pragma once

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/ctr/config.h"
#include "lib/fmt/spec.h"
#include "lib/fmt/user.h"

struct ctr_spec_in {
	const struct ctr_config *config;
	const struct user *user;	/* who the process is, looked up */
	const char *id;
	const char *root_path;		/* absolute */
	const char *const *mount_sources;	/* absolute, one for each of config's
						 * mounts; NULL for a tmpfs */
	bool is_single;			/* the id map has one id */
	uint32_t tty_gid;		/* of devpts; ID_NONE: not mapped */
	uint32_t max_gid;		/* 0 up to this are mapped */
};

int ctr_spec(struct spec *out, const struct ctr_spec_in *in, struct err *e) MUST_CHECK;

/* The capabilities that flags give: the bounding set. */
int ctr_caps(uint64_t *out, const struct ctr_config *c, struct err *e) MUST_CHECK;
