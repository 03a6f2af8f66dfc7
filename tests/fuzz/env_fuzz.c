#include <stdint.h>
#include <string.h>

#include "lib/fmt/env.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Whatever was read is KEY=VALUE, and no key is there twice. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO(strv) struct strv from = STRV_INIT;
	AUTO(strv) struct strv out = STRV_INIT;
	struct err e = ERR_INIT;

	strv_add(&from, "HOME=/root");
	(void)!env_parse_file(&out, (const char *)data, len, "f", &from, &e);
	for (size_t i = 0; i < out.len; i++) {
		size_t key = strcspn(out.v[i], "=");

		if (!key || !out.v[i][key])
			abort();
		for (size_t n = 0; n < i; n++)
			if (!strncmp(out.v[n], out.v[i], key + 1))
				abort();
	}
	return 0;
}
