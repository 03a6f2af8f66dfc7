#include "lib/fmt/shimmsg.h"

#include "lib/base/buf.h"
#include "tests/fuzz/fuzz.h"

/* The first byte chooses the parser. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf) struct buf b = BUF_INIT(MAX_SHIM_MESSAGE);
	struct err e = ERR_INIT;
	struct shim_start s;
	struct shim_page p;
	struct shim_exit x;
	struct shim_msg m;
	const void *body;

	if (!size)
		return 0;
	switch (data[0] & 3) {
	case 0:
		if (shim_start_parse(&s, data + 1, size - 1, &e) < 0)
			return 0;
		CHECK(shim_start_print(&b, &s, &e) == 0);
		CHECK(b.len == size - 1 && !memcmp(b.data, data + 1, b.len));
		break;
	case 1:
		if (shim_page_parse(&p, data + 1, size - 1, &e) == 0)
			CHECK(strlen(p.cgroup) < sizeof(p.cgroup));
		break;
	case 2:
		if (shim_exit_parse(&x, data + 1, size - 1, &e) == 0)
			CHECK(x.exit_code >= -1 && x.exit_code <= 255);
		break;
	default:
		if (shim_msg_parse(&m, &body, data + 1, size - 1, &e) == 0)
			CHECK(m.len == size - 1 - sizeof(m));
		break;
	}
	return 0;
}
