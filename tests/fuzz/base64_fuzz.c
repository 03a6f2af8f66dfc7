#include "lib/fmt/base64.h"

#include "lib/base/limits.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf) struct buf bytes = BUF_INIT(MIB(1));
	AUTO(buf) struct buf text = BUF_INIT(MIB(2));
	struct err e = ERR_INIT;

	if (base64_parse(&bytes, (const char *)data, size, &e) == 0) {
		base64_print(bytes.data, bytes.len, &text);
		CHECK(text.len == size && memcmp(text.data, data, size) == 0);
	}
	err_clear(&e);
	buf_reset(&bytes);
	buf_reset(&text);
	base64_print(data, size, &text);
	CHECK(base64_parse(&bytes, text.data, text.len, &e) == 0);
	CHECK(bytes.len == size && memcmp(bytes.data, data, size) == 0);
	return 0;
}
