#include "lib/base/id.h"

#include <sys/random.h>

void id_hex(const void *bytes, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = '\0';
}

int id_make(char out[static ID_LEN + 1], struct err *e)
{
	unsigned char bytes[ID_LEN / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_sys(e, "get random bytes");
	id_hex(bytes, sizeof(bytes), out);
	return 0;
}
