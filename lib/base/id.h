/* id.h - container ids: 64 random hexadecimal digits, as docker's. */
#pragma once

#include "lib/base/err.h"

#define ID_LEN 64
#define ID_SHORT_LEN 12

int id_make(char out[static ID_LEN + 1], struct err *e) MUST_CHECK;

/* n bytes as 2n hexadecimal digits and a NUL. */
void id_hex(const void *bytes, size_t n, char *out);
