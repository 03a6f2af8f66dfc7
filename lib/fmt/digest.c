#include "lib/fmt/digest.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/id.h"

static const struct {
	const char *name;
	size_t size;
} algs[] = {
	[DIGEST_NONE] = { "none", 0 },
	[DIGEST_SHA256] = { "sha256", 32 },
	[DIGEST_SHA512] = { "sha512", 64 },
};

static int nibble(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_hex(unsigned char *out, const char *hex, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		int hi = nibble(hex[2 * i]);
		int lo = nibble(hex[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		out[i] = (unsigned char)(hi << 4 | lo);
	}
	return true;
}

int digest_parse(struct digest *out, const char *text, size_t len, struct err *e)
{
	for (size_t alg = DIGEST_SHA256; alg < ARRAY_SIZE(algs); alg++) {
		size_t prefix = strlen(algs[alg].name);
		struct digest d = { .alg = (enum digest_alg)alg };

		if (len != prefix + 1 + 2 * algs[alg].size ||
		    memcmp(text, algs[alg].name, prefix) != 0 ||
		    text[prefix] != ':' ||
		    !parse_hex(d.bytes, text + prefix + 1, algs[alg].size))
			continue;
		*out = d;
		return 0;
	}
	return err_set(e, EINVAL, "'%.*s' is not a digest",
		       (int)(len < 160 ? len : 160), text);
}

const char *digest_alg_name(enum digest_alg alg)
{
	return algs[alg].name;
}

size_t digest_size(enum digest_alg alg)
{
	return algs[alg].size;
}

void digest_hex(const struct digest *d, char out[static DIGEST_TEXT_MAX])
{
	id_hex(d->bytes, algs[d->alg].size, out);
}

void digest_print(const struct digest *d, char out[static DIGEST_TEXT_MAX])
{
	int n = snprintf(out, DIGEST_TEXT_MAX, "%s:", algs[d->alg].name);

	id_hex(d->bytes, algs[d->alg].size, out + n);
}

bool digest_eq(const struct digest *a, const struct digest *b)
{
	return a->alg == b->alg &&
	       memcmp(a->bytes, b->bytes, algs[a->alg].size) == 0;
}

bool digest_is_set(const struct digest *d)
{
	return d->alg != DIGEST_NONE;
}
