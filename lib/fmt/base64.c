#include "lib/fmt/base64.h"

#include <stdint.h>
#include <string.h>

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_print(const void *data, size_t len, struct buf *out)
{
	const unsigned char *p = data;

	for (; len; p += 3) {
		uint32_t v = (uint32_t)p[0] << 16 |
			     (len > 1 ? (uint32_t)p[1] << 8 : 0) |
			     (len > 2 ? (uint32_t)p[2] : 0);
		char quad[4] = {
			alphabet[v >> 18], alphabet[v >> 12 & 63],
			len > 1 ? alphabet[v >> 6 & 63] : '=',
			len > 2 ? alphabet[v & 63] : '=',
		};

		buf_add(out, quad, sizeof(quad));
		len -= len < 3 ? len : 3;
	}
}

/* Four letters as 1 to 3 bytes, or 0 when they are not. */
static size_t quad_bytes(unsigned char out[static 3], const char *s)
{
	size_t n = s[3] != '=' ? 3 : s[2] != '=' ? 2 : 1;
	uint32_t v = 0;

	for (size_t i = 0; i < 4; i++) {
		const char *at = i <= n && s[i] ? strchr(alphabet, s[i]) : NULL;

		if (i <= n && !at)
			return 0;
		v = v << 6 | (uint32_t)(at ? at - alphabet : 0);
	}
	/* bits below the last byte would give one byte string many texts */
	if (v & (n == 3 ? 0 : n == 2 ? 0xff : 0xffff))
		return 0;
	out[0] = (unsigned char)(v >> 16);
	out[1] = (unsigned char)(v >> 8);
	out[2] = (unsigned char)v;
	return n;
}

int base64_parse(struct buf *out, const char *text, size_t len, struct err *e)
{
	unsigned char bytes[3];

	if (len % 4)
		return err_set(e, EINVAL, "not base64: length %zu", len);
	for (size_t i = 0; i < len; i += 4) {
		size_t n = quad_bytes(bytes, text + i);

		if (n == 0 || (n < 3 && i + 4 < len))
			return err_set(e, EINVAL, "not base64 at byte %zu", i);
		if (buf_add(out, bytes, n) < 0)
			return buf_ok(out, "base64 text", e);
	}
	return 0;
}
