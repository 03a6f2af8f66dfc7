#include "lib/fmt/json.h"

#include <assert.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/str.h"

static void newline(struct json_w *w)
{
	if (!w->indent)
		return;
	buf_addc(w->out, '\n');
	for (unsigned i = 0; i < w->depth; i++)
		buf_addc(w->out, '\t');
}

/* What stands in front of a value. */
static void before(struct json_w *w)
{
	if (w->after_key) {
		w->after_key = false;
		return;
	}
	if (w->comma)
		buf_addc(w->out, ',');
	if (w->depth)
		newline(w);
	w->comma = true;
}

static void open_level(struct json_w *w, char bracket, bool is_list)
{
	uint64_t bit = 1ull << w->depth;

	assert(w->depth < MAX_JSON_DEPTH);
	before(w);
	w->is_list = is_list ? w->is_list | bit : w->is_list & ~bit;
	w->depth++;
	w->comma = false;
	buf_addc(w->out, bracket);
}

void json_w_object(struct json_w *w)
{
	open_level(w, '{', false);
}

void json_w_array(struct json_w *w)
{
	open_level(w, '[', true);
}

void json_w_end(struct json_w *w)
{
	bool has_items = w->comma;

	assert(w->depth > 0 && !w->after_key);
	w->depth--;
	if (has_items)
		newline(w);
	buf_addc(w->out, w->is_list >> w->depth & 1 ? ']' : '}');
	w->comma = true;
}

/* Bytes that cannot stand in a JSON string as they are, and all that begins
 * or continues a longer UTF-8 sequence. */
static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_escape(struct buf *b, unsigned char c)
{
	static const char from[] = "\"\\\n\t\r\b\f";
	static const char to[] = "\"\\ntrbf";
	const char *at = c ? strchr(from, c) : NULL;
	char text[2] = { '\\', at ? to[at - from] : '\0' };

	if (at)
		buf_add(b, text, sizeof(text));
	else
		buf_addf(b, "\\u%04x", c);
}

/* One character that is not plain, at s; returns how many bytes it took. */
static size_t put_other(struct buf *b, const char *s, size_t len)
{
	unsigned char c = (unsigned char)*s;
	size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;

	if (c < 0x80) {
		put_escape(b, c);
		return 1;
	}
	if (n <= len && str_is_utf8(s, n)) {
		buf_add(b, s, n);
		return n;
	}
	buf_adds(b, "\xef\xbf\xbd");
	return 1;
}

static void put_quoted(struct buf *b, const char *s, size_t len)
{
	size_t start = 0;
	size_t i = 0;

	buf_addc(b, '"');
	while (i < len) {
		if (is_plain((unsigned char)s[i])) {
			i++;
			continue;
		}
		buf_add(b, s + start, i - start);
		i += put_other(b, s + i, len - i);
		start = i;
	}
	buf_add(b, s + start, i - start);
	buf_addc(b, '"');
}

void json_w_key(struct json_w *w, const char *key)
{
	assert(!w->after_key);
	before(w);
	put_quoted(w->out, key, strlen(key));
	buf_addc(w->out, ':');
	if (w->indent)
		buf_addc(w->out, ' ');
	w->after_key = true;
}

void json_w_stringn(struct json_w *w, const char *s, size_t len)
{
	before(w);
	put_quoted(w->out, s, len);
}

void json_w_string(struct json_w *w, const char *s)
{
	json_w_stringn(w, s, strlen(s));
}

static void put_digits(struct json_w *w, uint64_t v, bool is_negative)
{
	char text[24];
	size_t at = sizeof(text);

	do
		text[--at] = (char)('0' + v % 10);
	while (v /= 10);
	if (is_negative)
		text[--at] = '-';
	before(w);
	buf_add(w->out, text + at, sizeof(text) - at);
}

void json_w_u64(struct json_w *w, uint64_t v)
{
	put_digits(w, v, false);
}

void json_w_i64(struct json_w *w, int64_t v)
{
	put_digits(w, v < 0 ? -(uint64_t)v : (uint64_t)v, v < 0);
}

void json_w_raw(struct json_w *w, const char *json)
{
	before(w);
	buf_adds(w->out, json);
}

void json_w_bool(struct json_w *w, bool v)
{
	json_w_raw(w, v ? "true" : "false");
}

void json_w_null(struct json_w *w)
{
	json_w_raw(w, "null");
}

static void put_real(struct json_w *w, const json_t *v)
{
	char text[64];
	size_t n = json_dumpb(v, text, sizeof(text), JSON_ENCODE_ANY);

	before(w);
	buf_add(w->out, text, n < sizeof(text) ? n : 0);
}

/* The nesting of a loaded tree is bounded, and so is the recursion. */
void json_w_value(struct json_w *w, const json_t *v)
{
	struct json_at at = json_root(v);
	struct err ignored = ERR_INIT;
	struct json_at item;
	uint64_t number;

	if (json_is_object(v)) {
		json_w_object(w);
		json_each_member(&at, iter, item) {
			json_w_key(w, item.key);
			json_w_value(w, item.value);
		}
		json_w_end(w);
	} else if (json_is_array(v)) {
		json_w_array(w);
		for (size_t i = 0; i < json_len(&at); i++)
			json_w_value(w, json_array_get(v, i));
		json_w_end(w);
	} else if (json_is_integer(v)) {
		json_w_i64(w, json_integer_value(v));
	} else if (json_as_u64(&number, &at, 0, UINT64_MAX, &ignored) == 0) {
		json_w_u64(w, number);
	} else if (json_is_string(v)) {
		json_w_stringn(w, json_string_value(v), json_string_length(v));
	} else if (json_is_real(v)) {
		put_real(w, v);
	} else {
		json_w_raw(w, json_is_true(v) ? "true" :
			      json_is_false(v) ? "false" : "null");
	}
}

/* --- members --- */

void json_m_object(struct json_w *w, const char *key)
{
	json_w_key(w, key);
	json_w_object(w);
}

void json_m_array(struct json_w *w, const char *key)
{
	json_w_key(w, key);
	json_w_array(w);
}

void json_m_string(struct json_w *w, const char *key, const char *s)
{
	if (!s)
		return;
	json_w_key(w, key);
	json_w_string(w, s);
}

void json_m_u64(struct json_w *w, const char *key, uint64_t v)
{
	json_w_key(w, key);
	json_w_u64(w, v);
}

void json_m_i64(struct json_w *w, const char *key, int64_t v)
{
	json_w_key(w, key);
	json_w_i64(w, v);
}

void json_m_bool(struct json_w *w, const char *key, bool v)
{
	json_w_key(w, key);
	json_w_bool(w, v);
}

void json_m_flag(struct json_w *w, const char *key, bool v)
{
	if (v)
		json_m_bool(w, key, true);
}

void json_m_strv(struct json_w *w, const char *key, const struct strv *s)
{
	if (!s->len)
		return;
	json_m_array(w, key);
	for (size_t i = 0; i < s->len; i++)
		json_w_string(w, s->v[i]);
	json_w_end(w);
}

void json_m_map(struct json_w *w, const char *key, const struct strv *s)
{
	if (!s->len)
		return;
	json_m_object(w, key);
	for (size_t i = 0; i < s->len; i++) {
		const char *name = s->v[i];
		const char *value = strchrnul(name, '=');

		before(w);
		put_quoted(w->out, name, (size_t)(value - name));
		buf_adds(w->out, w->indent ? ": " : ":");
		w->after_key = true;
		json_w_string(w, *value ? value + 1 : "");
	}
	json_w_end(w);
}

void json_m_keys(struct json_w *w, const char *key, const struct strv *s)
{
	if (!s->len)
		return;
	json_m_object(w, key);
	for (size_t i = 0; i < s->len; i++) {
		json_w_key(w, s->v[i]);
		json_w_object(w);
		json_w_end(w);
	}
	json_w_end(w);
}
