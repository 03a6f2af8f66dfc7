#include "lib/fmt/desc.h"

#include "lib/base/mem.h"

void platform_clear(struct platform *p)
{
	int saved = errno;

	free(p->os);
	free(p->arch);
	free(p->variant);
	free(p->os_version);
	*p = (struct platform)PLATFORM_INIT;
	errno = saved;
}

void platform_copy(struct platform *to, const struct platform *from)
{
	*to = (struct platform){
		.os = mem_str(from->os),
		.arch = mem_str(from->arch),
		.variant = mem_str(from->variant),
		.os_version = mem_str(from->os_version),
	};
}

void desc_clear(struct desc *d)
{
	int saved = errno;

	free(d->media_type);
	free(d->artifact_type);
	platform_clear(&d->platform);
	strv_clear(&d->urls);
	strv_clear(&d->annotations);
	*d = (struct desc)DESC_INIT;
	errno = saved;
}

void desc_copy(struct desc *to, const struct desc *from)
{
	*to = (struct desc){
		.media_type = mem_str(from->media_type),
		.digest = from->digest,
		.size = from->size,
		.artifact_type = mem_str(from->artifact_type),
	};
	platform_copy(&to->platform, &from->platform);
	strv_join(&to->urls, &from->urls);
	strv_join(&to->annotations, &from->annotations);
}
