/* devbpf.h - which devices the processes of a cgroup v2 may use, by a BPF
 * program of type BPF_PROG_TYPE_CGROUP_DEVICE.
 *
 * The kernel asks it at each open and mknod: device and kind of access, and
 * cgroups below ask their own as well; all must agree.  Rules are those of the
 * runtime-spec (linux.resources.devices), of which the last that matches a
 * device holds, for each of read, write and mknod by itself.  What no rule
 * matches is refused.  Behind the given rules stand those for devices that
 * every container has: null, zero, full, random, urandom, tty, console, ptmx,
 * terminals, and mknod of any.
 *
 * Only the machine's root may: -EPERM for others.
 */
#pragma once

#include <linux/bpf.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/fmt/spec_resources.h"

/* The instructions, which the caller frees, and how many. */
size_t devbpf_compile(struct bpf_insn **out, const struct spec_resources *r);

/* Puts the rules into force, instead of those of an earlier call; in between
 * both are. */
int devbpf_attach(int cgroup_fd, const struct spec_resources *r, struct err *e) MUST_CHECK;
