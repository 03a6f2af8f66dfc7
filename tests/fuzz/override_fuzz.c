#include <sys/stat.h>

#include "lib/fmt/override.h"
#include "tests/fuzz/fuzz.h"

/* What is taken has ids that exist and a mode of twelve bits. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct override o;

	if (override_parse(&o, (const char *)data, size, &e) < 0) {
		CHECK(e.code);
		return 0;
	}
	CHECK(o.uid != UINT32_MAX && o.gid != UINT32_MAX && o.mode <= 07777);
	CHECK(!o.device || o.device == S_IFCHR || o.device == S_IFBLK);
	return 0;
}
