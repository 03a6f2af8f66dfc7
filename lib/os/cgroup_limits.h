/* cgroup_limits.h - linux.resources written to the files of a cgroup v2.
 *
 * cgroup v2 has not all that the spec knows, and counts some of it in another
 * way: shares become a weight, memory and swap together become swap alone, a
 * limit of no tasks is one task, since the first is cloned into the cgroup.
 *
 * The order of writes lets an update succeed whichever way it goes: what is
 * raised comes before what is lowered.
 *
 * Not written: the rules for devices, which are lib/os/devbpf's.
 *
 * Errors, all naming the member or the file: -EOPNOTSUPP what cgroup v2 does
 * not have ("linux.resources.network.classID: cgroup v2 has no net_cls"), or
 * a limit whose controller is not available, key "cgroup.controller"; -EINVAL
 * a limit that contradicts another or that the kernel refuses; -EBUSY more
 * memory is in use than a limit with checkBeforeUpdate would allow.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/fmt/spec_resources.h"

/* Is it possible at all?  cgroup_set_limits() asks as well; asked before, it
 * spares making a cgroup (fd -1: there is none yet).  What is asked for and
 * has no effect is said in notes, which may be NULL: one sentence each. */
int cgroup_check_limits(const struct spec_resources *r, int fd, struct strv *notes,
			struct err *e) MUST_CHECK;

/* With `strict` a limit that cannot be had is an error; else the names of the
 * controllers go to missing ("memory pids"), which may be NULL. */
int cgroup_set_limits(int fd, const struct spec_resources *r, bool strict,
		      char *missing, size_t size, struct err *e) MUST_CHECK;

/* For one that is in use: when one limit cannot be had, those of before are
 * put back.  (Not those for single devices, of which a file has many.) */
int cgroup_change_limits(int fd, const struct spec_resources *r, struct err *e) MUST_CHECK;

bool cgroup_wants_limits(const struct spec_resources *r);

/* The controllers of all limits that are asked for: "memory pids". */
void cgroup_name_limits(const struct spec_resources *r, char *out, size_t size);

/* The conversions, for those who tell systemd.  1..10000 from shares, and from
 * an io weight; swap alone, -1 unlimited, SPEC_UNSET. */
int64_t cgroup_cpu_weight(int64_t shares);
int64_t cgroup_io_weight(int64_t weight);
int64_t cgroup_swap_alone(const struct spec_resources *r);
int64_t cgroup_pids(int64_t limit);
