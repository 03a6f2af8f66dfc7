#include "lib/fmt/cgpath.h"

#include "lib/base/str.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = fuzz_text(data, size);
	struct err e = ERR_INIT, no_unit = ERR_INIT;
	struct cgpath_unit u;
	char one[128], two[128];

	if (cgpath_join(one, sizeof(one), "/base", text, &e) == 0) {
		CHECK(str_starts(one, "/base") && !strstr(one, "//") && !strstr(one, "/../"));
		CHECK(cgpath_join(two, sizeof(two), "/", one, &e) == 0 && str_eq(one, two));
	}
	if (cgpath_unit(&u, text, "id", &no_unit) == 0) {
		CHECK(str_ends(u.unit, ".scope") && !strchr(u.unit, '/'));
		CHECK(!*u.slice || (str_ends(u.slice, ".slice") && !strchr(u.slice, '/')));
	}
	return 0;
}
