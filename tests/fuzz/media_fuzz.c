#include "lib/fmt/media.h"

#include "lib/base/str.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = fuzz_text(data, size);
	enum media m = media_lookup(text);

	if (m != MEDIA_UNKNOWN) {
		CHECK(str_eq(media_text(m), text));
		CHECK(media_lookup_header(text) == m);
	}
	CHECK(media_lookup_header(text) < MEDIA_COUNT);
	return 0;
}
