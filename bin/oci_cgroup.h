/* oci_cgroup.h - where coracle-oci puts a container's processes: the managers
 * cgroupfs, systemd and disabled (linux.cgroupsPath of the runtime-spec).
 *
 * Who is not the machine's root and asks for no limits goes without a cgroup
 * where none can be made; limits that cannot be had are an error.
 */
#pragma once

#include "bin/oci.h"

/* *fd: to be cloned into, or -1.  The state gets cgroup and scope, and is saved
 * with them before they are there. */
int oci_cgroup_make(int *fd, struct oci *o, struct oci_box *b, const struct spec *spec,
		    struct err *e) MUST_CHECK;

/* What is left of it; an absent one is fine. */
void oci_cgroup_remove(struct oci *o, const struct oci_state *s);

/* Puts the limits of the spec into force. */
int oci_cgroup_update(const struct oci_box *b, const struct spec *spec, struct err *e) MUST_CHECK;
