#include "lib/fmt/platform.h"

#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct platform host = {
		.os = (char *)"linux", .arch = (char *)"amd64",
	};
	AUTO_FREE char *text = fuzz_text(data, size);
	AUTO(platform) struct platform p = PLATFORM_INIT;
	AUTO(platform) struct platform again = PLATFORM_INIT;
	AUTO(buf) struct buf one = BUF_INIT(KIB(2));
	AUTO(buf) struct buf two = BUF_INIT(KIB(2));
	struct err e = ERR_INIT;

	if (platform_parse(&p, text, &host, &e) < 0)
		return 0;
	platform_print(&p, &one);
	CHECK(platform_match(&p, &p) > 0);
	CHECK(platform_parse(&again, one.data, &host, &e) == 0);
	platform_print(&again, &two);
	CHECK(str_eq(one.data, two.data));
	return 0;
}
