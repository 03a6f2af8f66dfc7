#include "lib/fmt/bitlist.h"

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = fuzz_text(data, size);
	struct err e = ERR_INIT;
	struct bitlist b;

	if (bitlist_parse(&b, text, &e) < 0)
		return 0;
	CHECK(b.len <= BITLIST_MAX / 64);
	CHECK(!b.len || b.words[b.len - 1]);
	CHECK(!b.len == !*text);
	return 0;
}
