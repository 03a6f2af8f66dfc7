/* digest.h - a content digest: algorithm and bytes, parsed once.
 *
 * OCI image-spec, descriptor.md "Digests".  "sha256:" with 64 or "sha512:"
 * with 128 lower-case hexadecimal digits; nothing else is a digest, wherever
 * the text came from.  A path is only ever built from a parsed digest.
 * A plain value: copy it, compare it with digest_eq(), {0} is "none".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"

enum digest_alg { DIGEST_NONE, DIGEST_SHA256, DIGEST_SHA512 };

#define DIGEST_TEXT_MAX 136		/* "sha512:" + 128 + NUL */

struct digest {
	enum digest_alg alg;
	unsigned char bytes[64];	/* digest_size() of them count */
};

/* -EINVAL: not a digest; out is untouched. */
int digest_parse(struct digest *out, const char *text, size_t len,
		 struct err *e) MUST_CHECK;

const char *digest_alg_name(enum digest_alg alg);	/* "sha256" */
size_t digest_size(enum digest_alg alg);		/* bytes */
void digest_hex(const struct digest *d, char out[static DIGEST_TEXT_MAX]);
void digest_print(const struct digest *d, char out[static DIGEST_TEXT_MAX]);
bool digest_eq(const struct digest *a, const struct digest *b);
bool digest_is_set(const struct digest *d);
