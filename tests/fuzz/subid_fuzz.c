#include <stdint.h>

#include "lib/fmt/subid.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct id_grant g[8];
	struct err e = ERR_INIT;
	int n = subid_parse(g, 8, (const char *)data, len, "dev", 1000, &e);

	for (int i = 0; i < n; i++)
		if (!g[i].count || g[i].count > ID_NONE - g[i].start)
			abort();
	return 0;
}
