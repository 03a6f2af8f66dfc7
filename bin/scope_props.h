/* scope_props.h - what a container asks for, as properties of systemd's scopes
 * (org.freedesktop.systemd1(5), systemd.resource-control(5)).
 *
 * systemd knows less than the kernel: what it has no property for is written
 * to the cgroup's files by who asked for the scope.
 *
 * Ownership: the list owns what is in it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/fmt/gvariant.h"
#include "lib/fmt/spec_resources.h"

struct scope_prop {
	char *name;
	struct gvariant value;		/* type 0: bytes instead */
	struct buf bytes;		/* a bit for each processor or node */
};

struct scope_props {
	struct scope_prop *v;
	size_t len;
};

#define SCOPE_PROPS_INIT { .v = NULL }

void scope_props_clear(struct scope_props *p);

static inline void scope_props_auto(struct scope_props *p)
{
	scope_props_clear(p);
}

/* All limits that have a property.  Later ones hold. */
int scope_props_limits(struct scope_props *p, const struct spec_resources *r,
		       struct err *e) MUST_CHECK;

/* "org.systemd.property.NAME=VALUE" of a list of annotations, where the value
 * is GVariant text; seconds of a NAMESec become the NAMEUSec that D-Bus has. */
int scope_props_annotations(struct scope_props *p, const struct strv *annotations,
			    struct err *e) MUST_CHECK;
