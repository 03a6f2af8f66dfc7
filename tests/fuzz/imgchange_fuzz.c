#include "lib/fmt/imgchange.h"
#include "tests/fuzz/fuzz.h"

/* Each line is a change.  What is taken is text that can be printed. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_FREE char *text = fuzz_text(data, size);
	AUTO(imgconf) struct imgconf c = IMGCONF_INIT;
	AUTO(strv) struct strv changes = STRV_INIT;
	struct err e = ERR_INIT;
	char *save = NULL;
	int r;

	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		strv_add(&changes, l);
	r = imgchange_apply(&c.run, &changes, &e);
	CHECK(r == 0 ? !e.code : r == -EINVAL && e.code);
	for (size_t i = 0; r == 0 && i < c.run.env.len; i++)
		CHECK(strchr(c.run.env.v[i], '=') > c.run.env.v[i]);
	return 0;
}
