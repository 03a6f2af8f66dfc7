/* platform.h - os/arch[/variant]: parse, normalise, compare.
 *
 * A normalised platform uses Go's names (linux, amd64, arm64, 386) and has
 * no variant where it would say nothing: arm64's v8 and amd64's v1 are
 * dropped, arm without one is v7.  struct platform is in desc.h.
 * Errors: -EINVAL not a platform.
 */
#pragma once

#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/fmt/desc.h"

/* "linux/arm64/v8", "amd64" (os is then linux), "linux".  The result is
 * normalised.  For "linux" alone arch is host's. */
int platform_parse(struct platform *out, const char *text,
		   const struct platform *host, struct err *e) MUST_CHECK;

/* From the words of uname(2). */
void platform_host(struct platform *out, const char *sysname,
		   const char *machine);

void platform_normalize(struct platform *p);

/* How well `have` serves `want`: 0 not at all, else more is better.  An older
 * variant of the same architecture serves a newer one.  Both are normalised
 * inside. */
int platform_match(const struct platform *want, const struct platform *have);

/* "linux/arm/v7".  Appends. */
void platform_print(const struct platform *p, struct buf *out);
