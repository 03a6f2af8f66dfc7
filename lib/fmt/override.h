/* override.h - user.containers.override_stat: the owner that a file could not
 * be given, as containers/storage and fuse-overlayfs write it.
 *
 *   UID:GID:MODE[:TYPE]	"0:42:2755", "0:6:0660:block-8-0"
 *
 * Errors: -EINVAL not of that form.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/err.h"

struct override {
	uint32_t uid;
	uint32_t gid;
	uint32_t mode;			/* permission bits */
	mode_t device;			/* S_IFCHR, S_IFBLK; 0: any other type */
	uint32_t major;
	uint32_t minor;
};

int override_parse(struct override *out, const char *text, size_t len,
		   struct err *e) MUST_CHECK;
