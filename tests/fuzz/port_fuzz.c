#include <stdint.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/fmt/port.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* What is printed is read again as the same. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO_FREE char *text = mem_strn((const char *)data, len);
	AUTO(ports) struct ports p = PORTS_INIT;
	AUTO(ports) struct ports exposed = PORTS_INIT;
	AUTO(buf) struct buf all = BUF_INIT(MIB(1));
	struct err e = ERR_INIT;

	if (port_parse_expose(&exposed, text, &e) < 0)
		err_clear(&e);
	if (port_parse(&p, text, &e) < 0)
		return 0;
	ports_print(&p, &all);
	for (size_t i = 0; i < p.len; i++) {
		AUTO(ports) struct ports again = PORTS_INIT;
		AUTO(buf) struct buf b = BUF_INIT(256);

		port_print(&p.at[i], &b);
		if (port_parse(&again, b.data, &e) < 0 || again.len != 1 ||
		    strcmp(again.at[0].ip, p.at[i].ip) != 0 ||
		    again.at[0].host != p.at[i].host ||
		    again.at[0].ctr != p.at[i].ctr || !p.at[i].ctr)
			abort();
	}
	return 0;
}
