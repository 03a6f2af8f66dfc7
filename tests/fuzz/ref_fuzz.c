#include "lib/fmt/ref.h"

#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "tests/fuzz/fuzz.h"

/* The full and the familiar form are read as what they were printed from. */
static void check_same(const struct ref *r, const char *text)
{
	AUTO(ref) struct ref again = REF_INIT;
	struct err e = ERR_INIT;

	CHECK(ref_parse(&again, text, &e) == 0);
	CHECK(str_eq(r->domain, again.domain) && str_eq(r->path, again.path));
	CHECK(str_eq(r->tag, again.tag) && digest_eq(&r->digest, &again.digest));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = fuzz_text(data, size);
	AUTO(ref) struct ref r = REF_INIT;
	AUTO(buf) struct buf b = BUF_INIT(KIB(2));
	struct err e = ERR_INIT;
	const char *hex;

	(void)ref_is_id_prefix(text, &hex);
	if (ref_parse(&r, text, &e) < 0)
		return 0;
	/* what is added to a short name may take it over the limit */
	ref_print(&r, &b);
	if (b.len <= MAX_REF)
		check_same(&r, b.data);
	buf_reset(&b);
	ref_familiar(&r, &b);
	CHECK(b.len <= MAX_REF + 64);
	if (b.len <= MAX_REF)
		check_same(&r, b.data);
	return 0;
}
