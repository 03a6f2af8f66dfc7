#include "bin/jtree.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

void jtree_text(json_t *object, const char *key, const char *value)
{
	json_object_set_new(object, key, json_string(str_or(value, "")));
}

void jtree_number(json_t *object, const char *key, int64_t value)
{
	json_object_set_new(object, key, json_integer(value));
}

void jtree_bool(json_t *object, const char *key, bool value)
{
	json_object_set_new(object, key, json_boolean(value));
}

void jtree_digest(json_t *object, const char *key, const struct digest *d)
{
	char text[DIGEST_TEXT_MAX] = "";

	if (digest_is_set(d))
		digest_print(d, text);
	jtree_text(object, key, text);
}

void jtree_list(json_t *object, const char *key, const struct strv *items)
{
	json_t *list = jtree_array(object, key);

	for (size_t i = 0; i < items->len; i++)
		json_array_append_new(list, json_string(items->v[i]));
}

void jtree_map(json_t *object, const char *key, const struct strv *pairs)
{
	json_t *map = jtree_object(object, key);

	for (size_t i = 0; i < pairs->len; i++) {
		size_t len = strcspn(pairs->v[i], "=");
		AUTO_FREE char *name = mem_strn(pairs->v[i], len);

		jtree_text(map, name, pairs->v[i] + len + (pairs->v[i][len] == '='));
	}
}

void jtree_words(json_t *object, const char *key, const struct strv *words)
{
	AUTO(buf) struct buf text = BUF_INIT(MIB(1));

	for (size_t i = 0; i < words->len; i++)
		buf_addf(&text, "%s%s", i ? "," : "", words->v[i]);
	jtree_text(object, key, text.data);
}

void jtree_keys(json_t *object, const char *key, const struct strv *keys)
{
	json_t *map = jtree_object(object, key);

	for (size_t i = 0; i < keys->len; i++)
		json_object_set_new(map, keys->v[i], json_object());
}

void jtree_time(json_t *object, const char *key, uint64_t wall_ns)
{
	char text[CLOCK_TEXT_MAX] = "0001-01-01T00:00:00Z";

	if (wall_ns)
		clock_print(wall_ns, text);
	jtree_text(object, key, text);
}

json_t *jtree_object(json_t *object, const char *key)
{
	json_t *made = json_object();

	json_object_set_new(object, key, made);
	return made;
}

json_t *jtree_array(json_t *object, const char *key)
{
	json_t *made = json_array();

	json_object_set_new(object, key, made);
	return made;
}

void jtree_line(struct buf *out, const json_t *value)
{
	AUTO_FREE char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);

	if (text)
		buf_addf(out, "%s\n", text);
}

void jtree_print(struct buf *out, const json_t *value)
{
	AUTO_FREE char *text = json_dumps(value, JSON_INDENT(4) | JSON_ENCODE_ANY);

	if (text)
		buf_addf(out, "%s\n", text);
}
