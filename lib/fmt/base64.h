/* base64.h - RFC 4648 section 4, strictly: padding is required, nothing else
 * than the alphabet is taken, unused bits are zero.  So every byte string has
 * exactly one text.
 */
#pragma once

#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

void base64_print(const void *data, size_t len, struct buf *out);

/* Appends the bytes.  -EINVAL: not base64; -EFBIG: more than out takes. */
int base64_parse(struct buf *out, const char *text, size_t len,
		 struct err *e) MUST_CHECK;
