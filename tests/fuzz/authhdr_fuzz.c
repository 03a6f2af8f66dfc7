#include "lib/fmt/authhdr.h"

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = fuzz_text(data, size);
	AUTO(authhdr) struct authhdr h = AUTHHDR_INIT;
	struct err e = ERR_INIT;
	int r = authhdr_add(&h, text, &e);

	CHECK(r == 0 || h.len == 0);
	CHECK(h.len <= AUTHHDR_MAX);
	for (size_t i = 0; i < h.len; i++) {
		const char *realm = h.at[i].realm;

		CHECK(!realm || strlen(realm) <= AUTHHDR_VALUE_MAX);
		CHECK(!realm || h.at[i].scheme != AUTH_OTHER);
		for (const char *p = realm; p && *p; p++)
			CHECK((unsigned char)*p >= 0x20 && *p != 0x7f);
	}
	return 0;
}
