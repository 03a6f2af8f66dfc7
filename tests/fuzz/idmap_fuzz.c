#include <stdint.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/fmt/idmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const struct id_ranges *m)
{
	for (size_t i = 0; i < m->len; i++) {
		const struct id_range *r = &m->at[i];
		uint32_t last = r->count - 1;

		if (!r->count ||
		    id_to_outside(m, r->inside) != r->outside ||
		    id_to_inside(m, r->outside + last) != r->inside + last)
			abort();
	}
}

/* Triples are added as they come; then they are grants. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	AUTO_FREE char *text = mem_strn((const char *)data, len);
	struct id_ranges m = { .len = 0 };
	struct id_grant grants[16];
	struct id_range r;
	struct idmap map;
	size_t count = 0;
	struct err e = ERR_INIT;

	if (id_parse_range(&r, text, &e) < 0)
		err_clear(&e);
	if (idmap_from_key(&map, text, &e) < 0)
		err_clear(&e);
	else
		check(&map.uids);
	for (size_t at = 0; len - at >= sizeof(r); at += sizeof(r)) {
		memcpy(&r, data + at, sizeof(r));
		if (id_add(&m, r.inside, r.outside, r.count, &e) < 0)
			err_clear(&e);
		if (count < 16)
			grants[count++] = (struct id_grant){ r.outside, r.count };
	}
	check(&m);
	m.len = 0;
	if (id_map_keep(&m, 1000, (uint32_t)len, grants, count, &e) == 0)
		check(&m);
	return 0;
}
