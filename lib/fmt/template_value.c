/* Values: what they are, and how Go would print them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/template_int.h"

#define MAX_WIDTH 4096			/* of one printf verb */

int run_charge(struct run *r, size_t work, struct err *e)
{
	r->steps += work;
	if (r->steps > MAX_TMPL_STEPS)
		return err_set(e, E2BIG, "template: too much work");
	return 0;
}

const char *value_type(const json_t *v)
{
	if (!v)
		return "nil";
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return value_is_struct(v) ? "struct" : "map";
	case JSON_ARRAY:
		return "list";
	case JSON_STRING:
		return "string";
	case JSON_INTEGER:
		return "int";
	case JSON_REAL:
		return "float64";
	case JSON_TRUE:
	case JSON_FALSE:
		return "bool";
	case JSON_NULL:
		break;
	}
	return "nil";
}

bool value_is_struct(const json_t *v)
{
	const char *key;
	json_t *item;

	if (!json_object_size(v))
		return false;
	json_object_foreach((json_t *)v, key, item)
		if (*key < 'A' || *key > 'Z')
			return false;
	return true;
}

bool value_is_true(const json_t *v)
{
	if (!v)
		return false;
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return json_object_size(v) > 0;
	case JSON_ARRAY:
		return json_array_size(v) > 0;
	case JSON_STRING:
		return json_string_length(v) > 0;
	case JSON_INTEGER:
		return json_integer_value(v) != 0;
	case JSON_REAL:
		return json_real_value(v) < 0 || json_real_value(v) > 0;
	case JSON_TRUE:
		return true;
	case JSON_FALSE:
	case JSON_NULL:
		break;
	}
	return false;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **value_keys(const json_t *object, size_t *count)
{
	const char **keys = mem_zero(json_object_size(object), sizeof(*keys));
	const char *key;
	json_t *item;
	size_t n = 0;

	json_object_foreach((json_t *)object, key, item)
		keys[n++] = key;
	qsort(keys, n, sizeof(*keys), by_text);
	*count = n;
	return keys;
}

int value_text(struct run *r, const struct buf *b, json_t **out, struct err *e)
{
	int ret = buf_ok(b, "template: a text", e);

	if (ret == 0)
		ret = run_charge(r, b->len / 64, e);
	if (ret < 0)
		return ret;
	*out = json_stringn_nocheck(b->data, b->len);
	return 0;
}

/* The shortest text, to fifteen digits, as Go's %v: 0.1, 123456, 1e+06 */
static void print_real(double v, struct buf *b)
{
	char text[40];
	size_t digits;
	int exponent = 0;
	char *at;

	snprintf(text, sizeof(text), "%.14e", v);
	at = strchr(text, 'e');
	if (!at) {
		buf_adds(b, text);
		return;
	}
	for (const char *p = at + 2; *p; p++)
		exponent = exponent * 10 + (*p - '0');
	if (at[1] == '-')
		exponent = -exponent;
	for (*at = '\0'; at[-1] == '0'; *--at = '\0')
		;
	digits = strlen(text) - (*text == '-') - 2;	/* after the point */
	if (exponent < -4 || exponent >= 6)
		buf_addf(b, "%.*e", (int)digits, v);
	else
		buf_addf(b, "%.*f", (int)digits > exponent ? (int)digits - exponent : 0, v);
}

static int print_any(struct run *r, const json_t *v, unsigned depth,
		     struct buf *b, struct err *e);

static int print_object(struct run *r, const json_t *v, unsigned depth,
			struct buf *b, struct err *e)
{
	bool is_struct = value_is_struct(v);
	AUTO_FREE const char **sorted = NULL;
	const char *key;
	json_t *item;
	size_t n = 0;
	int ret = 0;

	if (is_struct) {
		buf_addc(b, '{');
		json_object_foreach((json_t *)v, key, item) {
			if (n++)
				buf_addc(b, ' ');
			ret = print_any(r, item, depth, b, e);
			if (ret < 0)
				return ret;
		}
		return buf_addc(b, '}') < 0 ? buf_ok(b, "template: a text", e) : 0;
	}
	sorted = value_keys(v, &n);
	buf_adds(b, "map[");
	for (size_t i = 0; i < n && ret == 0; i++) {
		buf_addf(b, "%s%s:", i ? " " : "", sorted[i]);
		ret = print_any(r, json_object_get(v, sorted[i]), depth, b, e);
	}
	buf_addc(b, ']');
	return ret;
}

static int print_any(struct run *r, const json_t *v, unsigned depth,
		     struct buf *b, struct err *e)
{
	size_t index;
	json_t *item;
	int ret = run_charge(r, 1, e);

	if (ret < 0)
		return ret;
	if (depth > MAX_JSON_DEPTH)
		return err_set(e, E2BIG, "template: a value nested too deeply");
	if (json_is_object(v))
		return print_object(r, v, depth + 1, b, e);
	if (json_is_string(v)) {
		buf_add(b, json_string_value(v), json_string_length(v));
	} else if (json_is_integer(v)) {
		buf_addf(b, "%lld", (long long)json_integer_value(v));
	} else if (json_is_real(v)) {
		print_real(json_real_value(v), b);
	} else if (json_is_boolean(v)) {
		buf_adds(b, json_is_true(v) ? "true" : "false");
	} else if (json_is_array(v)) {
		buf_addc(b, '[');
		json_array_foreach(v, index, item) {
			if (index)
				buf_addc(b, ' ');
			ret = print_any(r, item, depth + 1, b, e);
			if (ret < 0)
				return ret;
		}
		buf_addc(b, ']');
	} else {
		buf_adds(b, depth ? "<nil>" : "<no value>");
	}
	return 0;
}

int value_print(struct run *r, const json_t *v, struct buf *b, struct err *e)
{
	return print_any(r, v, 0, b, e);
}

/* --- printf --- */

struct verb {
	char flags[8];
	unsigned width;
	int precision;			/* -1: none */
	char letter;
};

/* Text as a Go string literal. */
static void quote(const char *s, size_t len, struct buf *b)
{
	static const char plain[] = "\a\b\f\n\r\t\v\\\"";
	static const char names[] = "abfnrtv\\\"";

	buf_addc(b, '"');
	for (size_t i = 0; i < len; i++) {
		const char *at = s[i] ? strchr(plain, s[i]) : NULL;

		if (at)
			buf_addf(b, "\\%c", names[at - plain]);
		else if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			buf_addf(b, "\\x%02x", (unsigned char)s[i]);
		else
			buf_addc(b, s[i]);
	}
	buf_addc(b, '"');
}

static size_t count_runes(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += (s[i] & 0xc0) != 0x80;
	return n;
}

/* Cuts after so many characters. */
static size_t cut_runes(const char *s, size_t len, int runes)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((s[i] & 0xc0) != 0x80 && runes-- == 0)
			break;
	return i;
}

static void print_text(const struct verb *v, const char *s, size_t len,
		       struct buf *b)
{
	if (v->precision >= 0)
		len = cut_runes(s, len, v->precision);
	if (v->letter == 'q')
		quote(s, len, b);
	else if (v->letter == 's' || v->letter == 'v')
		buf_add(b, s, len);
	else
		for (size_t i = 0; i < len; i++)
			buf_addf(b, v->letter == 'x' ? "%02x" : "%02X",
				 (unsigned char)s[i]);
}

static void print_int(const struct verb *v, long long n, struct buf *b)
{
	unsigned long long size = n < 0 ? 0 - (unsigned long long)n :
					  (unsigned long long)n;
	bool sharp = strchr(v->flags, '#');
	char digits[72];
	size_t at = sizeof(digits) - 1;
	unsigned base = v->letter == 'x' || v->letter == 'X' ? 16 :
			v->letter == 'o' ? 8 : v->letter == 'b' ? 2 : 10;

	digits[at] = '\0';
	do
		digits[--at] = (v->letter == 'X' ? "0123456789ABCDEF" :
						   "0123456789abcdef")[size % base];
	while (size /= base);
	if (n < 0)
		buf_addc(b, '-');
	else if (strchr(v->flags, '+'))
		buf_addc(b, '+');
	else if (strchr(v->flags, ' '))
		buf_addc(b, ' ');
	if (sharp && base != 10)
		buf_adds(b, base == 16 ? (v->letter == 'X' ? "0X" : "0x") :
			    base == 8 ? "0" : "0b");
	if (strchr(v->flags, '0') && !strchr(v->flags, '-'))
		for (size_t n_digits = sizeof(digits) - 1 - at + b->len;
		     n_digits < v->width; n_digits++)
			buf_addc(b, '0');
	buf_adds(b, digits + at);
}

static void print_float(const struct verb *v, double d, struct buf *b)
{
	int precision = v->precision < 0 ? 6 : v->precision;

	if (v->letter == 'v' || (v->letter == 'g' && v->precision < 0))
		print_real(d, b);
	else if (v->letter == 'f')
		buf_addf(b, "%.*f", precision, d);
	else if (v->letter == 'e')
		buf_addf(b, "%.*e", precision, d);
	else
		buf_addf(b, "%.*g", precision, d);
}

/* The value under this verb, without padding. */
static int print_verb(struct run *r, const struct verb *v, const json_t *arg,
		      struct buf *b, struct err *e)
{
	bool any = v->letter == 'v';

	if (v->letter == 'T') {
		buf_adds(b, value_type(arg));
	} else if (json_is_string(arg) && strchr("svqxX", v->letter)) {
		print_text(v, json_string_value(arg), json_string_length(arg), b);
	} else if (json_is_integer(arg) && strchr("dvxXob", v->letter)) {
		print_int(v, json_integer_value(arg), b);
	} else if (json_is_integer(arg) && v->letter == 'c') {
		buf_addc(b, (char)(json_integer_value(arg) & 0x7f));
	} else if (json_is_real(arg) && strchr("fegv", v->letter)) {
		print_float(v, json_real_value(arg), b);
	} else if (any || (json_is_boolean(arg) && v->letter == 't') ||
		   ((json_is_array(arg) || json_is_object(arg)) && v->letter == 's')) {
		if (!arg || json_is_null(arg))
			buf_adds(b, "<nil>");
		else
			return print_any(r, arg, 0, b, e);
	} else if (!arg || json_is_null(arg)) {
		buf_addf(b, "%%!%c(<nil>)", v->letter);
	} else {
		buf_addf(b, "%%!%c(%s=", v->letter, value_type(arg));
		if (print_any(r, arg, 0, b, e) < 0)
			return -e->code;
		buf_addc(b, ')');
	}
	return 0;
}

static const char *parse_number(const char *p, unsigned *out)
{
	for (*out = 0; *p >= '0' && *p <= '9'; p++)
		if (*out <= MAX_WIDTH)
			*out = *out * 10 + (unsigned)(*p - '0');
	return p;
}

static const char *parse_verb(const char *p, struct verb *v, struct err *e)
{
	unsigned precision;
	size_t n = strspn(p, "-+# 0");

	*v = (struct verb){ .precision = -1 };
	(void)str_copy(v->flags, n < sizeof(v->flags) ? n + 1 : sizeof(v->flags), p);
	p = parse_number(p + n, &v->width);
	if (*p == '.') {
		p = parse_number(p + 1, &precision);
		v->precision = (int)precision;
	}
	if (v->width > MAX_WIDTH || v->precision > MAX_WIDTH) {
		(void)err_set(e, E2BIG, "template: printf: width beyond %d", MAX_WIDTH);
		return NULL;
	}
	v->letter = *p;
	return *p ? p + 1 : p;
}

static int print_padded(struct run *r, const struct verb *v, const json_t *arg,
			struct buf *b, struct err *e)
{
	AUTO(buf) struct buf text = BUF_INIT(MAX_TMPL_OUTPUT);
	size_t width, pad;
	int ret = print_verb(r, v, arg, &text, e);

	if (ret < 0)
		return ret;
	width = count_runes(text.data, text.len);
	pad = width < v->width ? v->width - width : 0;
	if (strchr(v->flags, '-'))
		buf_add(b, text.data, text.len);
	for (; pad; pad--)
		buf_addc(b, ' ');
	if (!strchr(v->flags, '-'))
		buf_add(b, text.data, text.len);
	return run_charge(r, b->len / 64, e);
}

int value_printf(struct run *r, const char *fmt, json_t **args, size_t count,
		 struct buf *b, struct err *e)
{
	size_t used = 0;
	int ret;

	while (*fmt) {
		size_t n = strcspn(fmt, "%");
		struct verb v;

		buf_add(b, fmt, n);
		fmt += n;
		if (!*fmt)
			break;
		fmt = parse_verb(fmt + 1, &v, e);
		if (!fmt)
			return -e->code;
		ret = 0;
		if (v.letter == '%')
			buf_addc(b, '%');
		else if (!v.letter)
			buf_adds(b, "%!(NOVERB)");
		else if (used == count)
			buf_addf(b, "%%!%c(MISSING)", v.letter);
		else
			ret = print_padded(r, &v, args[used++], b, e);
		if (ret < 0)
			return ret;
	}
	for (size_t i = used; i < count; i++) {
		buf_addf(b, "%s%s=", i == used ? "%!(EXTRA " : ", ", value_type(args[i]));
		if (value_print(r, args[i], b, e) < 0)
			return -e->code;
	}
	if (used < count)
		buf_addc(b, ')');
	return 0;
}
