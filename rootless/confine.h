/* confine.h - a long-lived helper gives up what it does not need.
 *
 * Called once, after everything that needs rights was done and before the
 * first byte from outside.  Afterwards: own user, mount, ipc, uts and cgroup
 * namespaces; a root directory with nothing in it but the one file named; no
 * capability; no_new_privs; no core; a bounded number of descriptors; landlock
 * (nothing but reading that file); a list of allowed system calls, anything
 * else kills the process.
 *
 * What the host refuses (namespaces when nested, landlock on an old kernel) is
 * left out and told in *missing; the rest is done all the same.
 * Errors: -errno when something failed that no host refuses.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#define CONFINE_NO_USERNS	(1u << 0)
#define CONFINE_NO_LANDLOCK	(1u << 1)
#define CONFINE_NO_SECCOMP	(1u << 2)

/* An allowed system call: with any arguments when mask is 0, else when
 * (argument & mask) == value, in the lower 32 bits.  Several entries of one
 * call are alternatives. */
struct confine_call {
	uint16_t nr;
	uint8_t arg;
	uint32_t mask;
	uint32_t value;
};

struct confine {
	const char *etc_file;		/* "resolv.conf": /etc/ of the new root */
	const char *text;		/* its content; NULL: no file */
	uint64_t files;			/* RLIMIT_NOFILE */
	uint64_t memory;		/* RLIMIT_AS */
	const struct confine_call *calls;
	size_t call_count;
};

int confine(const struct confine *c, uint32_t *missing, struct err *e) MUST_CHECK;

/* The single parts, for processes that need only some. */
int confine_drop_caps(uint64_t keep, struct err *e) MUST_CHECK;
int confine_seccomp(const struct confine_call *calls, size_t count,
		    struct err *e) MUST_CHECK;
