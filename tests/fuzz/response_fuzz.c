/* Headers as a hostile server may send them: line by line, any bytes. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/registry/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(response) struct response r = RESPONSE_INIT;
	struct err e = ERR_INIT;

	while (size) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end ? (size_t)(end - data) + 1 : size;

		if (response_line(&r, (const char *)data, len, &e) < 0)
			break;
		if (r.has_range && (r.first > r.last || r.last >= r.total))
			abort();
		data += len;
		size -= len;
	}
	return 0;
}
