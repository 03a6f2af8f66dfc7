/* ocistate.h - what coracle-oci remembers of a container (state.json), and the
 * runtime-spec's "State" that others are told (runtime.md).
 *
 * Ownership: the struct owns its strings.
 * Errors: -EINVAL not such a file, with the member's name.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/proc.h"
#include "lib/base/strv.h"

struct oci_state {
	char *id;
	char *bundle;			/* absolute */
	char *rootfs;			/* absolute */
	struct strv annotations;	/* "key=value" */
	struct proc_id init;
	uint64_t created_ns;		/* wall time */
	uint32_t owner;			/* uid of who created it */
	char *cgroup;			/* below the cgroup2 mount; NULL: none */
	char *scope;			/* systemd's unit around it; NULL: none */
};

void oci_state_init(struct oci_state *s);
void oci_state_clear(struct oci_state *s);

static inline void oci_state_auto(struct oci_state *s)
{
	oci_state_clear(s);
}

int oci_state_parse(struct oci_state *out, const char *json, size_t len,
		    struct err *e) MUST_CHECK;
void oci_state_print(const struct oci_state *s, struct buf *out);

/* For others: with this status; a pid only while there is one. */
void oci_state_tell(const struct oci_state *s, const char *status, struct buf *out);

/* The same as hooks get it, without status and pid: what stands before them
 * ("\"ociVersion\":...,") and behind (",...}"). */
void oci_state_halves(const struct oci_state *s, struct buf *before, struct buf *behind);
