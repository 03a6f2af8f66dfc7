#include <stdint.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/fmt/mountinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO_FREE char *text = mem_strn((const char *)data, len);
	struct mountinfo_iter it;
	struct mountinfo m;
	int r;

	mountinfo_begin(&it, text, len);
	do {
		struct err e = ERR_INIT;

		r = mountinfo_next(&it, &m, &e);
		if (r > 0 && (m.target[0] != '/' ||
			      strlen(m.root) + strlen(m.target) + strlen(m.options) +
			      strlen(m.fstype) + strlen(m.source) +
			      strlen(m.super_options) > len))
			abort();
	} while (r);
	return 0;
}
