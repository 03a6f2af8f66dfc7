#include "lib/fmt/json.h"

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf one = BUF_INIT(SIZE_MAX / 4);
	struct buf two = BUF_INIT(SIZE_MAX / 4);
	struct json_w w = JSON_W_INIT(&one);
	AUTO(json) json_t *doc = NULL;
	AUTO(json) json_t *again = NULL;
	struct err e = ERR_INIT;

	if (json_load_strict(&doc, (const char *)data, size, &e) < 0)
		return 0;
	w.indent = size & 1;
	json_w_value(&w, doc);
	CHECK(json_load_strict(&again, one.data, one.len, &e) == 0);
	w = (struct json_w){ .out = &two, .indent = size & 1 };
	json_w_value(&w, again);
	CHECK(one.len == two.len && memcmp(one.data, two.data, one.len) == 0);
	buf_clear(&one);
	buf_clear(&two);
	return 0;
}
