#include "lib/fmt/spec.h"

#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf) struct buf one = BUF_INIT(MAX_SPEC);
	AUTO(buf) struct buf two = BUF_INIT(MAX_SPEC);
	AUTO(spec) struct spec s;
	AUTO(spec) struct spec again;
	struct err e = ERR_INIT;

	spec_init(&s);
	spec_init(&again);
	if (size > KIB(64) || spec_parse(&s, (const char *)data, size, &e) < 0)
		return 0;
	spec_print(&s, &one);
	CHECK(spec_parse(&again, one.data, one.len, &e) == 0);
	spec_print(&again, &two);
	CHECK(str_eq(one.data, two.data));
	return 0;
}
