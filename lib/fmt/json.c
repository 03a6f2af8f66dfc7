#include "lib/fmt/json.h"

#include <stdarg.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"

/* What stands in front of the digits of an integer above INT64_MAX, both in
 * the text that jansson gets and in memory. */
#define BIG "\001"
#define BIG_ESCAPED "\"\\u0001"

static void *allocate(size_t size)
{
	return mem_zero(size, 1);
}

void json_needs_memory(void)
{
	json_set_alloc_funcs(allocate, free);
}

/* --- loading --- */

struct scan {
	const char *text;
	size_t len;
	size_t pos;
	size_t depth;
	struct buf big;		/* the text with large integers quoted */
	size_t copied;		/* how much of text is in there */
};

static void skip_string(struct scan *s)
{
	for (s->pos++; s->pos < s->len && s->text[s->pos] != '"'; s->pos++)
		if (s->text[s->pos] == '\\')
			s->pos++;
	s->pos++;
}

/* An integer that only fits 64 bits without a sign is turned into a string;
 * all other numbers are left to jansson. */
static void scan_number(struct scan *s)
{
	struct err ignored = ERR_INIT;
	size_t start = s->pos;
	char digits[24];
	size_t after, n;
	uint64_t v;

	while (s->pos < s->len && strchr("0123456789+-.eE", s->text[s->pos]) &&
	       s->text[s->pos])
		s->pos++;
	n = s->pos - start;
	if (n < 19 || n >= sizeof(digits))
		return;
	memcpy(digits, s->text + start, n);
	digits[n] = '\0';
	for (after = s->pos; after < s->len && strchr(" \t\r\n", s->text[after]); after++)
		;
	if (after < s->len && s->text[after] == ':')
		return;		/* not JSON, and must not become it */
	if (digits[0] == '0' ||
	    num_u64(digits, (uint64_t)INT64_MAX + 1, UINT64_MAX, &v, &ignored) < 0)
		return;
	buf_add(&s->big, s->text + s->copied, start - s->copied);
	buf_adds(&s->big, BIG_ESCAPED);
	buf_adds(&s->big, digits);
	buf_addc(&s->big, '"');
	s->copied = s->pos;
}

static int scan_text(struct scan *s, struct err *e)
{
	while (s->pos < s->len) {
		char c = s->text[s->pos];

		if (c == '"') {
			skip_string(s);
			continue;
		}
		if ((c >= '0' && c <= '9') || c == '-') {
			scan_number(s);
			continue;
		}
		if ((c == '{' || c == '[') && ++s->depth > MAX_JSON_DEPTH)
			return err_set(e, EBADMSG,
				       "nested deeper than %d levels",
				       MAX_JSON_DEPTH);
		if ((c == '}' || c == ']') && s->depth > 0)
			s->depth--;
		s->pos++;
	}
	return 0;
}

static int load(json_t **out, const char *text, size_t len, struct err *e)
{
	json_error_t why;
	json_t *v = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);

	if (!v) {
		str_mask(why.text);
		return err_set(e, EBADMSG, "not valid JSON: line %d: %s",
			       why.line, why.text);
	}
	*out = v;
	return 0;
}

int json_load_strict(json_t **out, const char *text, size_t len, struct err *e)
{
	struct scan s = { .text = text, .len = len };
	int r;

	if (!str_is_utf8(text, len))
		return err_set(e, EBADMSG, "not valid JSON: not UTF-8");
	/* a quoted integer takes nine bytes more, and is nineteen long */
	buf_init(&s.big, len * 2);
	r = scan_text(&s, e);
	if (r == 0 && s.copied) {
		buf_add(&s.big, text + s.copied, len - s.copied);
		r = load(out, s.big.data, s.big.len, e);
	} else if (r == 0) {
		r = load(out, text, len, e);
	}
	buf_clear(&s.big);
	return r;
}

/* --- errors --- */

static void put_path(const struct json_at *at, struct buf *b)
{
	if (!at->up)
		return;
	put_path(at->up, b);
	if (!at->key)
		buf_addf(b, "[%zu]", at->index);
	else
		buf_addf(b, "%s%s", b->len ? "." : "", at->key);
}

int json_fail(const struct json_at *at, int code, struct err *e,
	      const char *fmt, ...)
{
	struct buf path = BUF_INIT(ERR_TEXT_MAX / 2);
	struct buf text = BUF_INIT(ERR_TEXT_MAX);
	va_list args;
	int r;

	put_path(at, &path);
	va_start(args, fmt);
	buf_addv(&text, fmt, args);
	va_end(args);
	if (path.len) {
		str_mask(path.data);
		r = err_set(e, code, "%s: %s", path.data, text.data);
	} else {
		r = err_set(e, code, "%s", text.data);
	}
	buf_clear(&path);
	buf_clear(&text);
	return r;
}

/* --- values --- */

static bool is_big(const json_t *v, uint64_t *out)
{
	struct err ignored = ERR_INIT;

	return json_is_string(v) && str_starts(json_string_value(v), BIG) &&
	       num_u64(json_string_value(v) + 1, (uint64_t)INT64_MAX + 1,
		       UINT64_MAX, out, &ignored) == 0;
}

int json_as_object(const struct json_at *at, struct err *e)
{
	if (!json_is_object(at->value))
		return json_fail(at, EBADMSG, e, "not an object");
	return 0;
}

int json_as_string(const char **out, const struct json_at *at, struct err *e)
{
	uint64_t big;

	if (!json_is_string(at->value) || is_big(at->value, &big))
		return json_fail(at, EBADMSG, e, "not a string");
	*out = json_string_value(at->value);
	return 0;
}

int json_as_u64(uint64_t *out, const struct json_at *at, uint64_t min,
		uint64_t max, struct err *e)
{
	bool is_integer = json_is_integer(at->value);
	uint64_t v = (uint64_t)json_integer_value(at->value);

	if (!is_integer && !is_big(at->value, &v))
		return json_fail(at, EBADMSG, e, "not an integer");
	if ((is_integer && json_integer_value(at->value) < 0) || v < min || v > max)
		return json_fail(at, ERANGE, e, "not between %llu and %llu",
				 (unsigned long long)min,
				 (unsigned long long)max);
	*out = v;
	return 0;
}

static int as_i64(int64_t *out, const struct json_at *at, int64_t min,
		  int64_t max, struct err *e)
{
	int64_t v = json_integer_value(at->value);
	uint64_t big = 0;

	if (!json_is_integer(at->value) && !is_big(at->value, &big))
		return json_fail(at, EBADMSG, e, "not an integer");
	if (big || v < min || v > max)
		return json_fail(at, ERANGE, e, "not between %lld and %lld",
				 (long long)min, (long long)max);
	*out = v;
	return 0;
}

/* --- members --- */

struct json_at json_member(const struct json_at *object, const char *key)
{
	return (struct json_at){
		.value = json_object_get(object->value, key),
		.up = object,
		.key = key,
	};
}

bool json_has(const struct json_at *object, const char *key)
{
	const json_t *v = json_object_get(object->value, key);

	return v && !json_is_null(v);
}

/* 1: there; 0: may be absent and is. */
static int find(struct json_at *out, const struct json_at *object,
		const char *key, enum json_need need, struct err *e)
{
	*out = json_member(object, key);
	if (out->value && !json_is_null(out->value))
		return 1;
	if (need == JSON_MAY)
		return 0;
	return json_fail(out, EBADMSG, e, "missing");
}

int json_get_object(struct json_at *out, const struct json_at *object,
		    const char *key, enum json_need need, struct err *e)
{
	struct json_at at;
	int r = find(&at, object, key, need, e);

	if (r <= 0)
		return r;
	r = json_as_object(&at, e);
	if (r < 0)
		return r;
	*out = at;
	return 1;
}

int json_get_list(struct json_at *out, const struct json_at *object,
		  const char *key, size_t max, enum json_need need,
		  struct err *e)
{
	struct json_at at;
	int r = find(&at, object, key, need, e);

	if (r <= 0)
		return r;
	if (!json_is_array(at.value))
		return json_fail(&at, EBADMSG, e, "not a list");
	if (json_array_size(at.value) > max)
		return json_fail(&at, E2BIG, e, "more than %zu items", max);
	*out = at;
	return 1;
}

int json_get_string(const char **out, const struct json_at *object,
		    const char *key, enum json_need need, struct err *e)
{
	struct json_at at;
	int r = find(&at, object, key, need, e);

	if (r <= 0)
		return r;
	r = json_as_string(out, &at, e);
	return r < 0 ? r : 1;
}

int json_get_copy(char **out, const struct json_at *object, const char *key,
		  enum json_need need, struct err *e)
{
	const char *text;
	int r = json_get_string(&text, object, key, need, e);

	if (r > 0)
		*out = mem_str(text);
	return r;
}

int json_get_u64(uint64_t *out, const struct json_at *object, const char *key,
		 uint64_t min, uint64_t max, enum json_need need,
		 struct err *e)
{
	struct json_at at;
	int r = find(&at, object, key, need, e);

	if (r <= 0)
		return r;
	r = json_as_u64(out, &at, min, max, e);
	return r < 0 ? r : 1;
}

int json_get_i64(int64_t *out, const struct json_at *object, const char *key,
		 int64_t min, int64_t max, enum json_need need, struct err *e)
{
	struct json_at at;
	int r = find(&at, object, key, need, e);

	if (r <= 0)
		return r;
	r = as_i64(out, &at, min, max, e);
	return r < 0 ? r : 1;
}

int json_get_u32(uint32_t *out, const struct json_at *object, const char *key,
		 enum json_need need, struct err *e)
{
	uint64_t v;
	int r = json_get_u64(&v, object, key, 0, UINT32_MAX, need, e);

	if (r > 0)
		*out = (uint32_t)v;
	return r;
}

int json_get_bool(bool *out, const struct json_at *object, const char *key,
		  enum json_need need, struct err *e)
{
	struct json_at at;
	int r = find(&at, object, key, need, e);

	if (r <= 0)
		return r;
	if (!json_is_boolean(at.value))
		return json_fail(&at, EBADMSG, e, "not true or false");
	*out = json_is_true(at.value);
	return 1;
}

/* --- items --- */

size_t json_len(const struct json_at *at)
{
	return json_is_array(at->value) ? json_array_size(at->value)
					: json_object_size(at->value);
}

struct json_at json_item(const struct json_at *list, size_t index)
{
	return (struct json_at){
		.value = json_array_get(list->value, index),
		.up = list,
		.index = index,
	};
}

struct json_at json_iter_at(const struct json_at *object, void *iter)
{
	return (struct json_at){
		.value = json_object_iter_value(iter),
		.up = object,
		.key = json_object_iter_key(iter),
	};
}

int json_get_strv(struct strv *out, const struct json_at *object,
		  const char *key, enum json_need need, struct err *e)
{
	struct json_at list;
	int r = json_get_list(&list, object, key, SIZE_MAX, need, e);

	if (r <= 0)
		return r;
	for (size_t i = 0; i < json_len(&list); i++) {
		struct json_at item = json_item(&list, i);
		const char *text;

		r = json_as_string(&text, &item, e);
		if (r < 0)
			return r;
		strv_add(out, text);
	}
	return 1;
}

int json_get_map(struct strv *out, const struct json_at *object,
		 const char *key, enum json_need need, struct err *e)
{
	struct json_at map, item;
	const char *text;
	int r = json_get_object(&map, object, key, need, e);

	if (r <= 0)
		return r;
	json_each_member(&map, iter, item) {
		if (strchr(item.key, '='))
			return json_fail(&map, EBADMSG, e,
					 "a name that holds '='");
		r = json_as_string(&text, &item, e);
		if (r < 0)
			return r;
		strv_addf(out, "%s=%s", item.key, text);
	}
	return 1;
}

int json_get_keys(struct strv *out, const struct json_at *object,
		  const char *key, enum json_need need, struct err *e)
{
	struct json_at map, item;
	int r = json_get_object(&map, object, key, need, e);

	if (r <= 0)
		return r;
	json_each_member(&map, iter, item)
		strv_add(out, item.key);
	return 1;
}
