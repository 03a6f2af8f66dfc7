#include "lib/fmt/digest.h"

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	char text[DIGEST_TEXT_MAX];
	struct digest d;

	if (digest_parse(&d, (const char *)data, size, &e) < 0)
		return 0;
	digest_print(&d, text);
	CHECK(strlen(text) == size && memcmp(text, data, size) == 0);
	return 0;
}
