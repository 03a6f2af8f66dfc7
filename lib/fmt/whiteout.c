#include "lib/fmt/whiteout.h"

#include "lib/base/str.h"

enum whiteout whiteout_classify(const char *base, const char **name)
{
	const char *rest = str_after(base, ".wh.");

	if (!rest)
		return WHITEOUT_NOT;
	if (str_eq(rest, ".wh..opq"))
		return WHITEOUT_OPAQUE;
	if (str_starts(rest, ".wh."))
		return WHITEOUT_IGNORE;
	if (!str_is_component(rest))
		return WHITEOUT_INVALID;
	*name = rest;
	return WHITEOUT_HIDES;
}
