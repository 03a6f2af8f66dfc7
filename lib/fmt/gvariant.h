/* gvariant.h - values in GVariant's text form, as annotations have them:
 * "org.systemd.property.KillSignal": "uint32 37".
 * https://docs.gtk.org/glib/gvariant-text-format.html
 *
 * Of all its types: booleans, integers, strings, arrays of strings.
 * Errors: -EINVAL not such text, -ERANGE a number outside its type,
 * -EOPNOTSUPP a type that this code does not know, naming it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/strv.h"

struct gvariant {
	/* as D-Bus has it: 'b', 'y' 'n' 'q' 'i' 'u' 'x' 't', 's' 'o' 'g'; "as" is
	 * 'a'; 0: nothing */
	char type;
	uint64_t number;		/* those with a sign in two's complement */
	struct strv texts;		/* one, or those of the array */
};

#define GVARIANT_INIT { .type = 0 }

int gvariant_parse(struct gvariant *out, const char *text, struct err *e) MUST_CHECK;
void gvariant_print(const struct gvariant *v, struct buf *out);
void gvariant_clear(struct gvariant *v);

static inline void gvariant_auto(struct gvariant *v)
{
	gvariant_clear(v);
}
