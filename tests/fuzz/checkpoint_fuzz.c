#include "tests/fuzz/fuzz.h"

#include "lib/base/limits.h"
#include "lib/fmt/checkpoint.h"

/* What is read is printed, and read again the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf) struct buf one = BUF_INIT(MAX_SPEC), two = BUF_INIT(MAX_SPEC);
	AUTO(checkpoint) struct checkpoint c = CHECKPOINT_INIT, again = CHECKPOINT_INIT;
	struct err e = ERR_INIT;

	if (checkpoint_parse(&c, (const char *)data, size, &e) < 0) {
		CHECK(e.code == EINVAL && !c.mounts.len);
		return 0;
	}
	checkpoint_print(&c, &one);
	CHECK(checkpoint_parse(&again, one.data, one.len, &e) == 0);
	checkpoint_print(&again, &two);
	CHECK(one.len == two.len && !memcmp(one.data, two.data, one.len));
	return 0;
}
