/* secprof.h - seccomp profiles: linux.seccomp of config.json, docker's JSON
 * (that with conditions on rules), and our default as a table.
 *
 * How a profile is meant: a rule that does not apply here (secprof_applies)
 * is left out.  Of the others each gives its action to its system calls when
 * the arguments fit; several rules for one call stand side by side, and a
 * call that no rule fits gets the default action.
 *
 * Arguments: conditions of one rule on different arguments must all hold.
 * Two conditions on the same argument of one rule are alternatives, since
 * that is what runc makes of them and profiles are written for it; whoever
 * compiles gives each such condition a rule of its own.  The default profile
 * has none.  SECPROF_MASKED_EQ: (argument & value) == value_two.
 *
 * Names that the compiler does not know are skipped: they belong to other
 * architectures or later kernels.
 *
 * Ownership: a parsed profile owns what its pointers show; the default is
 * constant.
 * Errors: -EBADMSG, with the member; -E2BIG.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/fmt/named.h"

#define SECPROF_ARGS_MAX 6
#define SECPROF_RULES_MAX 4096

enum secprof_action {
	SECPROF_KILL_PROCESS,
	SECPROF_KILL_THREAD,
	SECPROF_TRAP,
	SECPROF_ERRNO,
	SECPROF_TRACE,
	SECPROF_LOG,
	SECPROF_ALLOW,
	SECPROF_NOTIFY,
};

enum secprof_op {
	SECPROF_NE,
	SECPROF_LT,
	SECPROF_LE,
	SECPROF_EQ,
	SECPROF_GE,
	SECPROF_GT,
	SECPROF_MASKED_EQ,
};

struct secprof_arg {
	unsigned index;			/* 0..5 */
	enum secprof_op op;
	uint64_t value;
	uint64_t value_two;
};

/* When a rule applies.  Empty parts ask for nothing. */
struct secprof_when {
	uint64_t caps;			/* bits as in spec.h */
	const char *const *arches;	/* "amd64", ..., NULL; or NULL */
	uint32_t min_kernel;		/* SECPROF_KERNEL(4, 8), or 0 */
};

#define SECPROF_KERNEL(major, minor) ((uint32_t)(major) << 16 | (uint32_t)(minor))

/* "6.18.44-x", as uname(2) has it, to SECPROF_KERNEL(6, 18). */
uint32_t secprof_kernel(const char *release);

struct secprof_rule {
	const char *const *names;	/* ends in NULL */
	enum secprof_action action;
	uint32_t errno_ret;		/* of ERRNO and TRACE */
	unsigned arg_count;
	struct secprof_arg args[SECPROF_ARGS_MAX];
	struct secprof_when include;	/* all of it must hold */
	struct secprof_when exclude;	/* none of it may hold */
};

/* An entry of docker's map, which is a native architecture and those whose
 * calls it also runs (SCMP_ARCH_X86_64 with SCMP_ARCH_X86, SCMP_ARCH_X32); or
 * one of config.json's list, whose calls are let through the filter. */
struct secprof_arch {
	const char *name;
	const char *const *subs;	/* ends in NULL; NULL: of a list */
};

struct secprof {
	enum secprof_action default_action;
	uint32_t default_errno;
	const struct secprof_arch *arches;
	size_t arch_count;		/* the native one is always there */
	const struct secprof_rule *rules;
	size_t rule_count;
	uint32_t flags;			/* SECCOMP_FILTER_FLAG_* */
	const char *listener_path;	/* of SECPROF_NOTIFY: a socket, or NULL */
	const char *listener_metadata;	/* for who listens there, or NULL */
	void *owned;			/* NULL for the default profile */
};

#define SECPROF_INIT { .owned = NULL }

int secprof_parse(struct secprof *out, const char *text, size_t len,
		  struct err *e) MUST_CHECK;
void secprof_clear(struct secprof *p);

/* Appends JSON as config.json's linux.seccomp has it: the rules that apply, of
 * the given machine, without their conditions. */
void secprof_print(const struct secprof *p, uint64_t caps, const char *arch,
		   uint32_t kernel, struct buf *out);

/* What the rule's conditions say about a container with these capabilities on
 * this machine; arch in Go's names. */
bool secprof_applies(const struct secprof_rule *r, uint64_t caps,
		     const char *arch, uint32_t kernel);

/* Does a call wait for somebody who listens? */
bool secprof_notifies(const struct secprof *p);

/* The names in JSON. */
extern const struct named secprof_actions[], secprof_ops[], secprof_flags[];
extern const char *const secprof_arch_names[];		/* ends in NULL */

/* RELIABILITY 3.1 and F4.  How it differs from docker's is said there. */
extern const struct secprof secprof_default;

static inline void secprof_auto(struct secprof *p)
{
	secprof_clear(p);
}
