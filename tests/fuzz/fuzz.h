/* fuzz.h - what every fuzzer needs: the input as a C string, and a check that
 * counts as a crash.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(claim)				\
	do {					\
		if (!(claim))			\
			abort();		\
	} while (0)

/* The caller frees it; ends at the first NUL for those who read strings. */
static inline char *fuzz_text(const uint8_t *data, size_t size)
{
	return mem_strn((const char *)data, size);
}
