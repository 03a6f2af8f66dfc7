#include "lib/fmt/spec_resources.h"

#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "tests/fuzz/fuzz.h"

/* What is printed is read as the same, and a change into itself is none. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf) struct buf one = BUF_INIT(MAX_SPEC);
	AUTO(buf) struct buf two = BUF_INIT(MAX_SPEC);
	AUTO(buf) struct buf merged = BUF_INIT(MAX_SPEC);
	AUTO(spec_resources) struct spec_resources r;
	AUTO(spec_resources) struct spec_resources again;
	struct err e = ERR_INIT;

	spec_resources_init(&r);
	spec_resources_init(&again);
	if (size > KIB(64) || spec_resources_parse(&r, (const char *)data, size, &e) < 0)
		return 0;
	spec_resources_print(&r, &one);
	CHECK(spec_resources_parse(&again, one.data, one.len, &e) == 0);
	spec_resources_print(&again, &two);
	CHECK(str_eq(one.data, two.data));
	spec_resources_merge(&r, &again);
	spec_resources_merge(&again, &r);
	buf_reset(&two);
	spec_resources_print(&r, &merged);
	spec_resources_print(&again, &two);
	CHECK(str_eq(merged.data, two.data));
	return 0;
}
