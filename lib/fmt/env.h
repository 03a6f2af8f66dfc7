/* env.h - environment variables as -e and --env-file give them.
 *
 * A variable is "KEY=VALUE" (the value is taken as it stands, quotes and all)
 * or "KEY", which is copied from a given environment and skipped when it is
 * not there.  A later setting of a key replaces an earlier one.
 *
 * A file has one variable per line; blank lines, lines that begin with '#'
 * and blanks before the key do not count; a byte order mark and a carriage
 * return at the end of a line are dropped.
 *
 * Errors: -EINVAL names the argument, or file and line; -E2BIG more than
 * MAX_ENV_VARS variables; -EFBIG a file beyond MAX_ENV_FILE.  What was read
 * before the error stays in out.
 */
#pragma once

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/strv.h"

/* from: where a bare KEY is taken from. */
int env_add(struct strv *out, const char *text, const struct strv *from,
	    struct err *e) MUST_CHECK;

/* name: what messages call the file. */
int env_parse_file(struct strv *out, const char *data, size_t len,
		   const char *name, const struct strv *from,
		   struct err *e) MUST_CHECK;
