#include "tests/fuzz/fuzz.h"

#include "lib/base/limits.h"
#include "lib/fmt/ocistate.h"

/* What is read is printed, and read again the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf) struct buf one = BUF_INIT(MAX_SPEC), two = BUF_INIT(MAX_SPEC);
	AUTO(oci_state) struct oci_state s, again;
	struct err e = ERR_INIT;

	oci_state_init(&s);
	oci_state_init(&again);
	if (oci_state_parse(&s, (const char *)data, size, &e) < 0) {
		CHECK(e.code == EINVAL && !s.id);
		return 0;
	}
	oci_state_print(&s, &one);
	CHECK(oci_state_parse(&again, one.data, one.len, &e) == 0);
	oci_state_print(&again, &two);
	CHECK(one.len == two.len && !memcmp(one.data, two.data, one.len));
	return 0;
}
