/* cgfile.h - the files of control groups: /proc/PID/cgroup and those of
 * cgroup v2.  Documentation/admin-guide/cgroup-v2.rst, cgroups(7).
 *
 * Texts are the whole file, ended with NUL.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

#define CGFILE_MAX UINT64_MAX		/* the value "max" */

/* One line of /proc/PID/cgroup; strings are parts of the text, not ended. */
struct cgfile_line {
	uint32_t hierarchy;		/* 0: cgroup v2 */
	const char *controllers;	/* "cpu,cpuacct", "name=systemd", "" */
	size_t controllers_len;
	const char *path;
	size_t path_len;
};

/* 1: a line, *text moved behind it; 0: the end; -EINVAL: malformed. */
int cgfile_next(const char **text, struct cgfile_line *out,
		struct err *e) MUST_CHECK;

/* The path of the "0::" line, copied.  -ENOENT: none, as on pure v1 hosts;
 * -ENAMETOOLONG. */
int cgfile_v2_path(const char *text, char *out, size_t size,
		   struct err *e) MUST_CHECK;

/* cgroup.controllers, cgroup.subtree_control: is this word in the list? */
bool cgfile_has(const char *text, const char *controller);

/* memory.events, cpu.stat: the value behind "key ".  -ENOENT: no such key. */
int cgfile_flat(const char *text, const char *key, uint64_t *out,
		struct err *e) MUST_CHECK;

/* The same files line by line; the name is a part of the text, not ended.
 * 1: a line, *text moved behind it; 0: the end; -EINVAL: malformed. */
int cgfile_next_flat(const char **text, const char **name, size_t *len, uint64_t *value,
		     struct err *e) MUST_CHECK;

/* memory.max, pids.max ...: one number, or "max" as CGFILE_MAX. */
int cgfile_value(const char *text, uint64_t *out, struct err *e) MUST_CHECK;

/* cpu.max: "quota period" in microseconds, quota may be CGFILE_MAX. */
int cgfile_cpu_max(const char *text, uint64_t *quota, uint64_t *period,
		   struct err *e) MUST_CHECK;

/* A line of io.stat; what it does not say is 0. */
struct cgfile_io {
	uint32_t major, minor;
	uint64_t read_bytes, write_bytes, discard_bytes;
	uint64_t reads, writes, discards;
};

/* 1: a line, *text moved behind it; 0: the end; -EINVAL: malformed. */
int cgfile_next_io(const char **text, struct cgfile_io *out, struct err *e) MUST_CHECK;

/* cpu.pressure, memory.pressure, io.pressure. */
struct cgfile_psi {
	uint32_t avg10, avg60, avg300;	/* hundredths of a percent */
	uint64_t total_us;
};

struct cgfile_pressure {
	struct cgfile_psi some;
	struct cgfile_psi full;
};

int cgfile_pressure(const char *text, struct cgfile_pressure *out, struct err *e) MUST_CHECK;
