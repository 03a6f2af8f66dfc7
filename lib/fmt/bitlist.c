#include "lib/fmt/bitlist.h"

#include <string.h>

#include "lib/base/num.h"

static int get_number(uint64_t *out, const char *text, size_t len, struct err *e)
{
	char copy[24];

	for (; len && *text == ' '; text++)
		len--;
	for (; len && text[len - 1] == ' '; )
		len--;
	if (len >= sizeof(copy))
		return err_set(e, EINVAL, "'%.*s' is not a number", (int)sizeof(copy), text);
	memcpy(copy, text, len);
	copy[len] = '\0';
	return num_u64(copy, 0, BITLIST_MAX - 1, out, e);
}

/* "7" or "0-3" */
static int add_range(struct bitlist *out, const char *text, size_t len, struct err *e)
{
	const char *dash = memchr(text, '-', len);
	size_t before = dash ? (size_t)(dash - text) : len;
	uint64_t first, last;
	int r = get_number(&first, text, before, e);

	if (r < 0)
		return r;
	last = first;
	if (dash)
		r = get_number(&last, dash + 1, len - before - 1, e);
	if (r < 0)
		return r;
	if (last < first)
		return err_set(e, EINVAL, "'%.*s' runs backwards", (int)len, text);
	for (uint64_t n = first; n <= last; n++)
		out->words[n / 64] |= 1ull << n % 64;
	if (out->len < last / 64 + 1)
		out->len = last / 64 + 1;
	return 0;
}

int bitlist_parse(struct bitlist *out, const char *text, struct err *e)
{
	struct bitlist b = { .len = 0 };
	const char *p = text;

	while (*text) {
		size_t len = strcspn(p, ",");
		int r = add_range(&b, p, len, e);

		if (r < 0)
			return err_ctx(e, r, "'%s'", text);
		if (!p[len])
			break;
		p += len + 1;
	}
	*out = b;
	return 0;
}
