#include <stdint.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/mountopt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(int r, struct mount_opt *m, struct err *e)
{
	AUTO_FREE char *clean = NULL;

	if (r < 0) {
		if (m->target || m->source || r != -e->code)
			abort();
		err_clear(e);
		return;
	}
	clean = mount_clean_path(m->target);
	if (!str_eq(clean, m->target) || str_eq(clean, "/") ||
	    strstr(clean, "/../") || (m->kind == MOUNT_BIND && !m->source) ||
	    (m->kind == MOUNT_TMPFS && m->source))
		abort();
	mount_opt_clear(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO_FREE char *text = mem_strn((const char *)data, len);
	AUTO(mount_opt) struct mount_opt m = MOUNT_OPT_INIT;
	struct err e = ERR_INIT;

	check(mount_parse_volume(&m, text, &e), &m, &e);
	check(mount_parse_mount(&m, text, &e), &m, &e);
	check(mount_parse_tmpfs(&m, text, &e), &m, &e);
	return 0;
}
