#include "lib/fmt/whiteout.h"

#include "lib/base/str.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *base = fuzz_text(data, size);
	const char *name = NULL;
	enum whiteout w = whiteout_classify(base, &name);

	CHECK((w == WHITEOUT_NOT) == !str_starts(base, ".wh."));
	CHECK((w == WHITEOUT_HIDES) == (name != NULL));
	CHECK(!name || (str_is_component(name) && !str_starts(name, ".wh.")));
	return 0;
}
