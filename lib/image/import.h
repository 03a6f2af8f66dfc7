/* import.h - an image of one layer from a tar archive of a root file system.
 *
 * Plain, gzip or zstd, from a file or a pipe.  The rules of unpacking are
 * those of every layer.
 *
 * Errors: -EBADMSG no such archive; -EINVAL a change; those of make.h.
 */
#pragma once

#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/strv.h"
#include "lib/image/make.h"

struct import_options {
	int fd;
	const char *ns;
	const char *name;		/* canonical text; NULL: none */
	const char *message;		/* may be NULL */
	const struct strv *changes;	/* imgchange.h */
	const struct platform *platform;
	uint64_t created_ns;
	struct image_env env;
};

int image_import(struct make_result *out, const struct import_options *o,
		 struct err *e) MUST_CHECK;
