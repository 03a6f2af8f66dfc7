#include "lib/fmt/logline.h"

#include "tests/fuzz/fuzz.h"

/* What parses prints to something that parses to the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *line = mem_zero(size + 1, 1);
	AUTO_FREE char *out = NULL;
	struct err e = ERR_INIT;
	struct logline a, b;
	size_t len;

	memcpy(line, data, size);
	if (size > 4)
		CHECK(logline_cut(line, size - 1) <= size - 1 &&
		      logline_cut(line, size - 1) + 3 >= size - 1);
	if (logline_parse(&a, line, size, &e) < 0)
		return 0;
	out = mem_zero(a.len * 6 + 128, 1);
	len = logline_print(out, &a);
	CHECK(len <= a.len * 6 + 128);
	CHECK(logline_parse(&b, out, len, &e) == 0);
	CHECK(b.time_ns == a.time_ns && b.stream == a.stream);
	return 0;
}
