/* desc.h - OCI content descriptor and platform (image-spec descriptor.md,
 * image-index.md).  Plain values; strings belong to the struct.
 */
#pragma once

#include <stdint.h>

#include "lib/base/strv.h"
#include "lib/fmt/digest.h"

/* os/arch[/variant]: "linux/arm64/v8".  NULL members are absent. */
struct platform {
	char *os;
	char *arch;
	char *variant;
	char *os_version;
};

struct desc {
	char *media_type;
	struct digest digest;
	uint64_t size;
	struct platform platform;	/* of an index entry */
	char *artifact_type;		/* may be NULL */
	struct strv urls;		/* never fetched without being asked */
	struct strv annotations;	/* "key=value" */
};

#define PLATFORM_INIT { .os = NULL }
#define DESC_INIT { .media_type = NULL }

void platform_clear(struct platform *p);
void platform_copy(struct platform *to, const struct platform *from);
void desc_clear(struct desc *d);
void desc_copy(struct desc *to, const struct desc *from);

static inline void platform_auto(struct platform *p)
{
	platform_clear(p);
}

static inline void desc_auto(struct desc *d)
{
	desc_clear(d);
}
