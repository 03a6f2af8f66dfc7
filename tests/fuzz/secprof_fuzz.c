#include "lib/fmt/secprof.h"

#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/fmt/spec.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t caps = size & 1 ? CAP_ALL : 0;
	uint32_t kernel = SECPROF_KERNEL(6, 18);
	AUTO(secprof) struct secprof p = SECPROF_INIT;
	AUTO(secprof) struct secprof again = SECPROF_INIT;
	AUTO(buf) struct buf one = BUF_INIT(MAX_SPEC);
	AUTO(buf) struct buf two = BUF_INIT(MAX_SPEC);
	struct err e = ERR_INIT;

	if (size > KIB(64) || secprof_parse(&p, (const char *)data, size, &e) < 0)
		return 0;
	secprof_print(&p, caps, "amd64", kernel, &one);
	CHECK(secprof_parse(&again, one.data, one.len, &e) == 0);
	secprof_print(&again, caps, "amd64", kernel, &two);
	CHECK(str_eq(one.data, two.data));
	return 0;
}
