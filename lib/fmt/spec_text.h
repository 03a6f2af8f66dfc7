/* spec_text.h - what the files that read and print a spec share. */
#pragma once

#include "lib/fmt/json.h"
#include "lib/fmt/spec.h"

/* linux.namespaces[].type, and the members of hooks */
extern const char *const spec_ns_names[SPEC_NS_COUNT];
extern const char *const spec_hook_names[SPEC_HOOK_POINTS];

/* The member "resources" of linux, when there is one. */
int spec_resources_get(struct spec_resources *r, const struct json_at *linux_at,
		       struct err *e) MUST_CHECK;
void spec_resources_put(struct json_w *w, const struct spec_resources *r);
