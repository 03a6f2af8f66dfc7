/* oci_cgroup.h - where coracle-oci puts a container's processes: the managers
 * cgroupfs, systemd and disabled (linux.cgroupsPath of the runtime-spec).
 *
 * cgroupfs: the machine's root counts an absolute path from the top of the
 * tree.  Everybody else's is below the cgroup above our own, or our own where
 * that is not to be had, unless the path leads to one that is delegated to
 * them.  systemd: a transient scope; see lib/fmt/cgpath.h.
 *
 * The machine's root has rules for devices as well; others have none, and no
 * device to make either.
 *
 * Who is not the machine's root and asks for no limits goes without a cgroup
 * where none can be made; limits that cannot be had are an error.
 *
 * A login's session is in a cgroup that nobody but the machine's root can move
 * a process out of, so that nothing can be cloned into a cgroup of the user's
 * systemd either.  There coracle-oci gets into a scope of its own first.
 */
#pragma once

#include "bin/oci.h"
#include "bin/oci_scope.h"

struct oci_cgroup {
	int fd;				/* to be cloned into; -1: none */
	struct oci_hold hold;		/* of a scope, until init is in it */
};

#define OCI_CGROUP_INIT { .fd = -1, .hold = OCI_HOLD_INIT }

void oci_cgroup_clear(struct oci_cgroup *c);

/* The state gets cgroup and scope, and is saved with them: before a cgroup is
 * made; a scope before anything else than us is in it. */
int oci_cgroup_make(struct oci_cgroup *out, struct oci *o, struct oci_box *b,
		    const struct spec *spec, struct err *e) MUST_CHECK;

/* The container's init is in it. */
int oci_cgroup_settle(struct oci_cgroup *c, const struct spec *spec,
		      struct err *e) MUST_CHECK;

/* For one more process: *fd, or -1 where it has none, or none that we reach. */
int oci_cgroup_enter(int *fd, struct oci *o, const struct oci_box *b,
		     struct err *e) MUST_CHECK;

/* What is left of it; an absent one is fine. */
void oci_cgroup_remove(struct oci *o, const struct oci_state *s);

/* Puts the limits of the spec into force; when that fails, those that were. */
int oci_cgroup_update(const struct oci_box *b, struct oci *o, const struct spec *spec,
		      struct err *e) MUST_CHECK;
