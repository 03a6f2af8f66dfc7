#include "lib/fmt/named.h"

#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"

const char *named_of(const struct named *table, uint64_t value)
{
	for (; table->name; table++)
		if (table->value == value)
			return table->name;
	return NULL;
}

static int as_named(uint64_t *out, const struct json_at *at,
		    const struct named *table, struct err *e)
{
	const char *name;
	int r = json_as_string(&name, at, e);

	if (r < 0)
		return r;
	for (; table->name; table++) {
		if (str_eq(table->name, name)) {
			*out = table->value;
			return 1;
		}
	}
	return json_fail(at, EBADMSG, e, "unknown: '%s'", name);
}

int named_get(uint64_t *out, const struct json_at *object, const char *key,
	      const struct named *table, struct err *e)
{
	struct json_at at = json_member(object, key);
	const char *name;
	int r = json_get_string(&name, object, key, JSON_MUST, e);

	return r < 0 ? r : as_named(out, &at, table, e);
}

int named_get_flags(uint64_t *out, const struct json_at *object, const char *key,
		    const struct named *table, struct err *e)
{
	struct json_at list;
	uint64_t flags = 0;
	int r = json_get_list(&list, object, key, MAX_COMPONENT, JSON_MAY, e);

	if (r <= 0)
		return r;
	for (size_t i = 0; r > 0 && i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);
		uint64_t flag = 0;

		r = as_named(&flag, &item, table, e);
		flags |= flag;
	}
	if (r > 0)
		*out = flags;
	return r;
}

void named_print_flags(struct json_w *w, const char *key,
		       const struct named *table, uint64_t flags)
{
	if (!flags)
		return;
	json_m_array(w, key);
	for (; table->name; table++)
		if (flags & table->value)
			json_w_string(w, table->name);
	json_w_end(w);
}
