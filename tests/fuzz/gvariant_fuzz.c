#include "lib/fmt/gvariant.h"

#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = fuzz_text(data, size);
	AUTO(gvariant) struct gvariant v = GVARIANT_INIT;
	AUTO(gvariant) struct gvariant again = GVARIANT_INIT;
	AUTO(buf) struct buf one = BUF_INIT(MIB(1));
	AUTO(buf) struct buf two = BUF_INIT(MIB(1));
	struct err e = ERR_INIT;

	if (size > KIB(16) || gvariant_parse(&v, text, &e) < 0)
		return 0;
	gvariant_print(&v, &one);
	CHECK(gvariant_parse(&again, one.data, &e) == 0);
	gvariant_print(&again, &two);
	CHECK(str_eq(one.data, two.data) && again.number == v.number);
	return 0;
}
