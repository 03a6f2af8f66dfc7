/* probe.h - what this machine lets us do, found by trying.
 *
 * Everything is tried as we are, in short-lived children; nothing stays.  A
 * probe takes some ms: keep the result (it is plain data) per boot.
 * A negative errno in a field says why not; 0 is yes.
 */
#pragma once

#include <stdint.h>

#include "lib/base/err.h"

#define PROBE_VERSION 2u

struct probe {
	uint32_t version;		/* PROBE_VERSION */
	int32_t userns;			/* an own user namespace */
	int32_t netns;			/* a network namespace in it */
	int32_t overlay;		/* kernel overlay with userxattr on dir */
	int32_t procfs;			/* a fresh procfs in an own pid namespace */
	int32_t sysfs;
	int32_t mount;			/* mounts are made and changed in it */
	int32_t cgroup;			/* our v2 cgroup is delegated */
	int32_t tun;			/* /dev/net/tun opens */
	int32_t fuse;			/* /dev/fuse opens */
	int32_t keyring;
	int32_t seccomp;
	int32_t newuidmap;		/* found and setuid or with file caps */
	int32_t newgidmap;
};

/* dir: a directory on the file system where layers are to live; where nothing
 * can be made in it, overlay says why. */
int probe_run(struct probe *out, const char *dir, struct err *e) MUST_CHECK;
