#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/fmt/human.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* No number gives an exponent, a cut text or more than four digits. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char text[HUMAN_MAX];
	uint64_t v = 0;

	memcpy(&v, data, len < sizeof(v) ? len : sizeof(v));
	human_size(v, text);
	if (strstr(text, "e+") || strspn(text, "0123456789.") > 4)
		abort();
	human_memory(v, text);
	if (strstr(text, "e+") || strspn(text, "0123456789.") > 6)
		abort();
	human_duration(v, text);
	if (strlen(text) + 1 >= HUMAN_MAX)
		abort();
	human_ago(v, UINT64_MAX, text);
	if (!strstr(text, " ago"))
		abort();
	return 0;
}
