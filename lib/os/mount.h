/* mount.h - the mount calls that work on descriptors.
 *
 * A mount is made detached, given its attributes, and attached by descriptor:
 * no name is looked up twice.  All calls may be used between clone and exec.
 *
 * Kernels before 5.12, and sandboxes that hide some of these calls, have no
 * detached mounts, or none whose attributes can be changed.  There a mount
 * waits in a stage, which is a tmpfs over "/" that no name leads to, until
 * mount(2) moves it by /proc/self/fd.  Only a process with a mount namespace
 * of its own that spreads nothing may have a stage; the others pass NULL and
 * see -ENOSYS.
 *
 * Ownership: descriptors are the caller's, close-on-exec.
 * Return a descriptor or 0, or -errno.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>

#include "lib/base/cleanup.h"

struct mount_stage {
	int fd;				/* -1: none was needed so far */
	unsigned count;			/* of the places made in it */
	bool early;			/* no files can be made yet: -ERESTART */
	uint32_t refused;		/* by a file system: where in its pairs the option
					 * begins, plus one */
};

#define MOUNT_STAGE_INIT { .fd = -1 }

static inline void mount_stage_auto(struct mount_stage *st)
{
	fd_auto(&st->fd);
}

/* A mount of a new file system.  pairs: key, value, key, value ..., each ended
 * with NUL, len bytes in all; an empty value makes the key a flag. */
int mount_fs(struct mount_stage *st, const char *type, const char *pairs,
	     size_t len, uint64_t attrs) MUST_CHECK;

/* A copy of what is mounted at path. */
int mount_tree(struct mount_stage *st, int dirfd, const char *path,
	       bool recursive, bool no_follow) MUST_CHECK;

struct mount_change {
	uint64_t set;			/* MOUNT_ATTR_* */
	uint64_t clear;
	uint64_t propagation;		/* MS_PRIVATE ..., 0: as it is */
};

int mount_change(struct mount_stage *st, int fd, const struct mount_change *c,
		 bool recursive) MUST_CHECK;

/* Attaches the mount over what target is open on. */
int mount_attach(int mount, int target) MUST_CHECK;

/* The file system's number (statfs), 0 when unknown. */
uint32_t mount_magic(int fd);

/* Makes the directory the root of the mount namespace; the old one is gone, and
 * with it the stage. */
int mount_pivot(const struct mount_stage *st, int root) MUST_CHECK;

/* The same where the kernel cannot do that, as in an initial ramdisk: what the
 * directory lies over stays below it, where no name leads. */
int mount_chroot(const struct mount_stage *st, int root) MUST_CHECK;
