/* oci_scope.h - scopes of systemd for coracle-oci, by the program that talks
 * to it (coracle-scope).
 *
 * A scope begins around a process, and the container's init is to be cloned
 * into its cgroup: until then coracle-scope itself holds the place.
 *
 * Errors: -ECONNREFUSED no systemd can be reached; else in its words.
 */
#pragma once

#include "lib/base/proc.h"
#include "lib/fmt/spec.h"
#include "lib/os/cgroup.h"

struct oci_hold {
	struct proc proc;
	int fd;				/* whose end it waits for */
};

#define OCI_HOLD_INIT { .proc = PROC_INIT, .fd = -1 }

/* path: the scope's cgroup. slice "": the manager's choice. */
int oci_scope_start(struct oci_hold *out, char path[static CGROUP_PATH_MAX], const char *unit,
		    const char *slice, const struct spec *spec, struct err *e) MUST_CHECK;

/* Puts ourselves into a scope of our own, from which cgroups of the same
 * systemd's can be reached. */
int oci_scope_enter_own(struct err *e) MUST_CHECK;

/* The holder goes; an empty scope goes with it. */
void oci_scope_release(struct oci_hold *h);

int oci_scope_update(const char *unit, const struct spec *spec, struct err *e) MUST_CHECK;
int oci_scope_stop(const char *unit, struct err *e) MUST_CHECK;
