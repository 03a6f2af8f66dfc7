#include "lib/fmt/override.h"

#include <string.h>
#include <sys/stat.h>

#include "lib/base/num.h"
#include "lib/base/str.h"

#define MAX_OVERRIDE 96

/* Cuts the text before c off *rest; NULL when c is not in it. */
static char *cut(char **rest, char c)
{
	char *start = *rest, *end = strchr(start, c);

	if (!end)
		return NULL;
	*end = '\0';
	*rest = end + 1;
	return start;
}

static int parse_id(uint32_t *out, const char *text, uint64_t max, struct err *e)
{
	uint64_t id;
	int r = text ? num_u64(text, 0, max, &id, e) : err_set(e, EINVAL, "a number is missing");

	if (r == 0)
		*out = (uint32_t)id;
	return r;
}

/* "char-1-3"; types without numbers are as the file shows them. */
static int parse_type(struct override *o, char *text, struct err *e)
{
	char *word = cut(&text, '-'), *major;
	int r;

	if (!word)
		return 0;
	o->device = str_eq(word, "char") ? S_IFCHR : str_eq(word, "block") ? S_IFBLK : 0;
	if (!o->device)
		return err_set(e, EINVAL, "'%s' is not a type", word);
	major = cut(&text, '-');
	r = parse_id(&o->major, major, UINT32_MAX, e);
	return r < 0 ? r : parse_id(&o->minor, text, UINT32_MAX, e);
}

int override_parse(struct override *out, const char *text, size_t len, struct err *e)
{
	char copy[MAX_OVERRIDE], *rest = copy, *uid, *gid, *mode;
	struct override o = { .uid = 0 };
	int r;

	if (len >= sizeof(copy) || memchr(text, '\0', len))
		return err_set(e, EINVAL, "not an owner");
	memcpy(copy, text, len);
	copy[len] = '\0';
	uid = cut(&rest, ':');
	gid = uid ? cut(&rest, ':') : NULL;
	mode = gid ? cut(&rest, ':') : NULL;
	r = parse_id(&o.uid, uid, UINT32_MAX - 1, e);
	if (r == 0)
		r = parse_id(&o.gid, gid, UINT32_MAX - 1, e);
	if (r == 0)
		r = num_mode(mode ? mode : rest, &o.mode, e);
	if (r == 0 && mode)
		r = parse_type(&o, rest, e);
	if (r == 0)
		*out = o;
	return r;
}
