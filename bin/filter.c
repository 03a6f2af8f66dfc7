#include "bin/filter.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"

static const struct filter_key *find(const struct filter_key *keys, const char *text, size_t len)
{
	for (; keys->name; keys++)
		if (strlen(keys->name) == len && !strncmp(keys->name, text, len))
			return keys;
	return NULL;
}

/* All filters of this key: any of them, or each for labels. */
static int match_key(const struct strv *filters, const struct filter_key *key, bool negate,
		     const void *object, void *arg, struct err *e)
{
	bool every = str_eq(key->name, "label");
	AUTO_FREE char *prefix = mem_printf("%s%s=", key->name, negate ? "!" : "");
	int found = -1;

	for (size_t i = 0; i < filters->len; i++) {
		const char *value = str_after(filters->v[i], prefix);
		int r;

		if (!value)
			continue;
		r = key->fn(object, arg, value, e);
		if (r < 0)
			return r;
		r = negate ? !r : r;
		if (found < 0)
			found = r;
		else
			found = every || negate ? found && r : found || r;
	}
	return found != 0;
}

/* The key of one filter; *negate says that it is "key!". */
static int read_key(const struct filter_key **out, bool *negate, const char *text,
		    const struct filter_key *keys, struct err *e)
{
	const char *equals = strchr(text, '=');

	if (!equals)
		return err_set(e, EINVAL, "--filter '%s' is not KEY=VALUE", text);
	*negate = equals > text && equals[-1] == '!';
	*out = find(keys, text, (size_t)(equals - text) - *negate);
	if (!*out)
		return err_set(e, EINVAL, "--filter: '%.*s' is not a key of this list",
			       (int)(equals - text), text);
	return 0;
}

int filter_check(const struct strv *filters, const struct filter_key *keys, struct err *e)
{
	const struct filter_key *key;
	bool negate;
	int r = 0;

	for (size_t i = 0; i < filters->len && r == 0; i++)
		r = read_key(&key, &negate, filters->v[i], keys, e);
	return r;
}

int filter_match(const struct strv *filters, const struct filter_key *keys, const void *object,
		 void *arg, struct err *e)
{
	for (size_t i = 0; i < filters->len; i++) {
		const struct filter_key *key;
		bool negate;
		int r = read_key(&key, &negate, filters->v[i], keys, e);

		if (r == 0)
			r = match_key(filters, key, negate, object, arg, e);
		if (r <= 0)
			return r;
	}
	return 1;
}

bool filter_label(const struct strv *labels, const char *value)
{
	size_t len = strlen(value);

	for (size_t i = 0; i < labels->len; i++) {
		const char *l = labels->v[i];

		if (!strncmp(l, value, len) && (!l[len] || (l[len] == '=' && !strchr(value, '='))))
			return true;
	}
	return false;
}

int filter_bool(bool *out, const char *key, const char *value, struct err *e)
{
	bool yes = str_eq(value, "true") || str_eq(value, "1");

	if (!yes && !str_eq(value, "false") && !str_eq(value, "0"))
		return err_set(e, EINVAL, "--filter %s: '%s' is neither true nor false", key,
			       value);
	*out = yes;
	return 0;
}

int filter_until(uint64_t created_ns, const char *value, struct err *e)
{
	uint64_t until;
	int r = num_time(value, clock_wall_ns(), &until, e);

	return r < 0 ? err_ctx(e, r, "--filter until") : created_ns < until;
}
