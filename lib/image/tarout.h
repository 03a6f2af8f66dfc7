/* tarout.h - writes a plain ustar archive of files and directories to a descriptor.
 *
 * Owner, mode and time of all members are the same, so that equal images give
 * equal archives.  Sizes beyond 8 GiB are written in GNU's base-256.
 *
 * Private to lib/image.  Errors: those of writing; -EINVAL a name beyond 100
 * bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"

int tarout_file(int fd, const char *name, const void *data, size_t len,
		struct err *e) MUST_CHECK;

/* len bytes of from, from its start. */
int tarout_copy(int fd, const char *name, int from, uint64_t len,
		struct err *e) MUST_CHECK;

/* Readers without privilege would make a missing directory root's. */
int tarout_dir(int fd, const char *name, struct err *e) MUST_CHECK;

int tarout_end(int fd, struct err *e) MUST_CHECK;
