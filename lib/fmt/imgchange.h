/* imgchange.h - changes to an image's configuration in the words of a
 * Dockerfile, as commit and import take them.
 *
 *   CMD, ENTRYPOINT	["a","b"], or a line for the shell
 *   ENV, LABEL		KEY=value ..., or KEY value; quotes as in a shell
 *   EXPOSE		PORT[/PROTOCOL] ...
 *   USER, WORKDIR, STOPSIGNAL
 *   VOLUME		["/a","/b"], or paths
 *
 * An ENTRYPOINT takes the image's CMD away unless one came before it here, as
 * when an image is built.
 *
 * Whether the values may be in an image says imgconf_parse().
 * Errors: -EINVAL, with the change; key NULL.
 */
#pragma once

#include "lib/base/err.h"
#include "lib/base/strv.h"
#include "lib/fmt/imgconf.h"

/* In order.  After a failure *run is half changed. */
int imgchange_apply(struct imgconf_run *run, const struct strv *changes,
		    struct err *e) MUST_CHECK;
