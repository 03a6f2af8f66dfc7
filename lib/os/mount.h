/* mount.h - the mount calls that work on descriptors.
 *
 * A mount is made detached, given its attributes, and attached by descriptor:
 * no name is looked up twice.  All calls may be used between clone and exec.
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

/* A detached mount of a new file system.  pairs: key, value, key, value ...,
 * each ended with NUL, len bytes in all; an empty value makes the key a flag. */
int mount_fs(const char *type, const char *pairs, size_t len,
	     uint64_t attrs) MUST_CHECK;

/* A detached copy of what is mounted at path. */
struct mount_change {
	uint64_t set;			/* MOUNT_ATTR_* */
	uint64_t clear;
	uint64_t propagation;		/* MS_PRIVATE ..., 0: as it is */
};

int mount_tree(int dirfd, const char *path, bool recursive,
	       bool no_follow) MUST_CHECK;
int mount_change(int fd, const struct mount_change *c, bool recursive) MUST_CHECK;

/* Attaches the detached mount over what target is open on. */
int mount_attach(int mount, int target) MUST_CHECK;

/* The file system's number (statfs), 0 when unknown. */
uint32_t mount_magic(int fd);

/* Makes the directory the root of the mount namespace; the old one is gone. */
int mount_pivot(int root) MUST_CHECK;
