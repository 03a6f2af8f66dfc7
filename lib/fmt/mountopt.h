/* mountopt.h - what -v, --mount and --tmpfs ask for.
 *
 * The target is absolute, without ".", ".." or doubled slashes, and not "/".
 * The source of a bind is a path as the user wrote it, possibly relative:
 * the caller resolves it.  The source of a volume is its name, or NULL for an
 * anonymous one.  Options that mean nothing to a kind are refused by name.
 *
 * Ownership: struct mount_opt owns its strings.
 * Errors: -EINVAL, with the option's name; out is untouched.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

enum mount_kind { MOUNT_BIND, MOUNT_VOLUME, MOUNT_TMPFS };

enum mount_propagation {
	MOUNT_PROP_DEFAULT,		/* the caller's choice: rprivate */
	MOUNT_PRIVATE, MOUNT_RPRIVATE,
	MOUNT_SLAVE, MOUNT_RSLAVE,
	MOUNT_SHARED, MOUNT_RSHARED,
};

enum mount_flag {
	MOUNT_NOEXEC = 1 << 0,
	MOUNT_NOSUID = 1 << 1,
	MOUNT_NODEV = 1 << 2,
};

#define MOUNT_ID_UNSET UINT32_MAX
#define MOUNT_MODE_UNSET UINT32_MAX

struct mount_opt {
	enum mount_kind kind;
	char *source;			/* bind, volume; else NULL */
	char *target;
	bool read_only;
	uint32_t flags;			/* enum mount_flag; a tmpfs starts with all */

	/* bind */
	enum mount_propagation propagation;
	bool not_recursive;		/* without the mounts below the source */
	bool make_source;		/* -v: a missing directory is created */

	/* bind and volume */
	bool chown;			/* U: give the files to the user inside */
	bool overlay;			/* O: changes go to a throw-away layer */
	bool relabel;			/* z or Z was given; without SELinux no matter */
	bool no_copy;			/* volume: do not fill it from the image */

	/* tmpfs */
	uint64_t size;			/* bytes; 0: the kernel's default */
	uint32_t mode;			/* MOUNT_MODE_UNSET: 01777 */
	uint32_t uid;			/* MOUNT_ID_UNSET: root inside */
	uint32_t gid;
};

#define MOUNT_OPT_INIT {			\
	.mode = MOUNT_MODE_UNSET,		\
	.uid = MOUNT_ID_UNSET,			\
	.gid = MOUNT_ID_UNSET,			\
}

void mount_opt_clear(struct mount_opt *m);

/* -v [SRC:]DST[:OPTION,...] */
int mount_parse_volume(struct mount_opt *out, const char *text,
		       struct err *e) MUST_CHECK;

/* --mount type=...,KEY=VALUE,... : a line of comma separated values, fields
 * with commas in double quotes.  Without type it is a volume. */
int mount_parse_mount(struct mount_opt *out, const char *text,
		      struct err *e) MUST_CHECK;

/* --tmpfs DST[:OPTION,...] */
int mount_parse_tmpfs(struct mount_opt *out, const char *text,
		      struct err *e) MUST_CHECK;

const char *mount_kind_name(enum mount_kind kind);		/* "bind" */
const char *mount_propagation_name(enum mount_propagation p);	/* "" default */

/* A cleaned copy of an absolute path: no ".", no "..", no doubled or trailing
 * slash; ".." stops at the root.  The caller frees it. */
char *mount_clean_path(const char *path) MUST_CHECK;

static inline void mount_opt_auto(struct mount_opt *m)
{
	mount_opt_clear(m);
}
