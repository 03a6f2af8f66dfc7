#include <stdint.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/fmt/cgfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO_FREE char *text = mem_strn((const char *)data, len);
	const char *p = text;
	struct cgfile_line line;
	uint64_t a, b;
	char path[64];
	int r;

	do {
		struct err e = ERR_INIT;

		r = cgfile_next(&p, &line, &e);
		if (r > 0 && (line.path[0] != '/' || line.path + line.path_len > text + len))
			abort();
	} while (r);
	for (int i = 0; i < 4; i++) {
		struct err e = ERR_INIT;

		r = i == 0 ? cgfile_v2_path(text, path, sizeof(path), &e) :
		    i == 1 ? cgfile_flat(text, "oom", &a, &e) :
		    i == 2 ? cgfile_value(text, &a, &e) :
			     cgfile_cpu_max(text, &a, &b, &e);
		if (r != -e.code)
			abort();
	}
	for (int i = 0; i < 3; i++) {
		struct err e = ERR_INIT;
		struct cgfile_pressure pressure;
		struct cgfile_io io;
		const char *name;
		size_t n;

		p = text;
		do
			r = i == 0 ? cgfile_next_flat(&p, &name, &n, &a, &e) :
			    i == 1 ? cgfile_next_io(&p, &io, &e) :
				     cgfile_pressure(text, &pressure, &e);
		while (r > 0 && p <= text + len);
		if (r != -e.code)
			abort();
	}
	(void)cgfile_has(text, "cpu");
	return 0;
}
