#include "lib/fmt/manifest.h"

#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "tests/fuzz/fuzz.h"

/* The first line is the Content-Type, "-" is none. */
static void print(const struct manifest_doc *d, struct buf *out)
{
	if (d->kind == MEDIA_IS_INDEX)
		index_print(&d->index, out);
	else
		manifest_print(&d->manifest, out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct platform want = {
		.os = (char *)"linux", .arch = (char *)"arm64",
	};
	AUTO_FREE char *text = fuzz_text(data, size);
	size_t line = strcspn(text, "\n");
	AUTO_FREE char *type = mem_strn(text, line);
	AUTO(manifest_doc) struct manifest_doc d = MANIFEST_DOC_INIT;
	AUTO(manifest_doc) struct manifest_doc again = MANIFEST_DOC_INIT;
	AUTO(buf) struct buf one = BUF_INIT(MAX_MANIFEST * 8);
	AUTO(buf) struct buf two = BUF_INIT(MAX_MANIFEST * 8);
	const struct desc *chosen;
	struct err e = ERR_INIT;

	if (line == size || text[line] != '\n' ||
	    manifest_doc_parse(&d, str_eq(type, "-") ? NULL : type,
			       (const char *)data + line + 1, size - line - 1, &e) < 0)
		return 0;
	if (d.kind == MEDIA_IS_INDEX && manifest_choose(&chosen, &d.index, &want, &e) < 0)
		err_clear(&e);
	print(&d, &one);
	CHECK(manifest_doc_parse(&again, NULL, one.data, one.len, &e) == 0);
	CHECK(again.kind == d.kind);
	print(&again, &two);
	CHECK(str_eq(one.data, two.data));
	return 0;
}
