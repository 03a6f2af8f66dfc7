/* spec_text.h - the words that spec_parse.c and spec_print.c share. */
#pragma once

#include "lib/fmt/spec.h"

/* linux.namespaces[].type, and the members of hooks */
extern const char *const spec_ns_names[SPEC_NS_COUNT];
extern const char *const spec_hook_names[SPEC_HOOK_POINTS];
