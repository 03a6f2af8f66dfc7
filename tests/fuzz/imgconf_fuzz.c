#include "lib/fmt/imgconf.h"

#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(imgconf) struct imgconf c = IMGCONF_INIT;
	AUTO(imgconf) struct imgconf again = IMGCONF_INIT;
	AUTO(buf) struct buf one = BUF_INIT(MAX_IMGCONF * 8);
	AUTO(buf) struct buf two = BUF_INIT(MAX_IMGCONF * 8);
	struct err e = ERR_INIT;

	if (imgconf_parse(&c, (const char *)data, size, &e) < 0)
		return 0;
	imgconf_print(&c, &one);
	CHECK(imgconf_parse(&again, one.data, one.len, &e) == 0);
	imgconf_print(&again, &two);
	CHECK(str_eq(one.data, two.data));
	return 0;
}
