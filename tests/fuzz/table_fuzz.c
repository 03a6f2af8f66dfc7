#include <stdint.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/fmt/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct column columns[] = {
	{ "A", "FIRST", false },
	{ "B", "SECOND", false },
};

/* Input: a value.  A table has one line per row and steers no terminal. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const char *const formats[] = { "", "table {{.B}}\\t{{.A}}", "json" };
	static const struct table t = { .columns = columns, .count = 2 };
	json_t *value = json_loadb((const char *)data, len, JSON_DECODE_ANY, NULL);
	json_t *rows;

	if (!value)
		value = json_stringn_nocheck((const char *)data, len);
	rows = json_pack("[{s:O,s:s},{s:s,s:o}]", "A", value, "B", "x",
			 "A", "y", "B", value);
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		AUTO(buf) struct buf b = BUF_INIT(MIB(4));
		struct table_opts opts = { .format = formats[i] };
		struct err e = ERR_INIT;
		size_t lines = 0;

		if (table_print(&b, &t, &opts, rows, &e) < 0 || i == 2)
			continue;
		for (char *c = b.data; *c; c++) {
			lines += *c == '\n';
			if ((unsigned char)*c < 0x20 && *c != '\n')
				abort();
		}
		if (lines != 3)
			abort();
	}
	json_decref(rows);
	return 0;
}
