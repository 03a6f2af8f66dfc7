#include "lib/fmt/gvariant.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/num.h"
#include "lib/base/str.h"

#define MAX_DIGITS 24

static const struct kind {
	const char *word;
	char type;
	int64_t min;			/* of a number */
	uint64_t max;			/* 0: no number */
} kinds[] = {
	{ "boolean", 'b', 0, 0 },
	{ "byte", 'y', 0, UINT8_MAX },
	{ "int16", 'n', INT16_MIN, INT16_MAX },
	{ "uint16", 'q', 0, UINT16_MAX },
	{ "int32", 'i', INT32_MIN, INT32_MAX },
	{ "uint32", 'u', 0, UINT32_MAX },
	{ "int64", 'x', INT64_MIN, INT64_MAX },
	{ "uint64", 't', 0, UINT64_MAX },
	{ "string", 's', 0, 0 },
	{ "objectpath", 'o', 0, 0 },
	{ "signature", 'g', 0, 0 },
};

static const struct kind *kind_of(char type)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].type == type)
			return &kinds[i];
	return NULL;
}

static void skip_space(const char **p)
{
	*p += strspn(*p, " \t\n\r");
}

static size_t word_len(const char *p)
{
	return strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789");
}

/* "uint32 " or "@u " in front of a value.  *type stays 0 when none is there. */
static int read_type(char *type, const char **p, struct err *e)
{
	size_t len = word_len(*p);

	if (**p == '@') {
		len = strcspn(*p, " \t\n\r");
		if (len == 3 && (*p)[1] == 'a' && (*p)[2] == 's')
			*type = 'a';
		else if (len == 2 && kind_of((*p)[1]))
			*type = (*p)[1];
		else
			return err_set(e, EOPNOTSUPP, "no type for us: '%.*s'",
				       (int)(len < MAX_ID ? len : MAX_ID), *p);
		*p += len;
		skip_space(p);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (strlen(kinds[i].word) != len || memcmp(*p, kinds[i].word, len) != 0)
			continue;
		*type = kinds[i].type;
		*p += len;
		skip_space(p);
		return 0;
	}
	return 0;
}

static int read_string(struct strv *out, const char **p, struct err *e)
{
	AUTO(buf) struct buf b = BUF_INIT(KIB(64));
	const char quote = **p, *s = *p + 1;

	for (; *s && *s != quote; s++) {
		static const char letters[] = "abfnrtv\\'\"";
		static const char meant[] = "\a\b\f\n\r\t\v\\'\"";
		const char *known;

		if (*s != '\\') {
			buf_addc(&b, *s);
			continue;
		}
		known = *++s ? strchr(letters, *s) : NULL;
		if (!known)
			return err_set(e, EOPNOTSUPP, "no escape for us: '\\%c'", *s ? *s : '0');
		buf_addc(&b, meant[known - letters]);
	}
	if (*s != quote)
		return err_set(e, EINVAL, "a string does not end");
	*p = s + 1;
	strv_addn(out, b.data, b.len);
	return buf_ok(&b, "a string", e);
}

static int read_number(struct gvariant *v, const char **p, struct err *e)
{
	const struct kind *k = kind_of(v->type ? v->type : 'i');	/* NULL: 'a' */
	size_t len = strcspn(*p, " \t\n\r,]");
	char digits[MAX_DIGITS];
	int64_t n;
	int r;

	if (!k || !k->max)
		return err_set(e, EINVAL, "a number for another type");
	if (!len || len >= sizeof(digits))
		return err_set(e, EINVAL, "no value");
	memcpy(digits, *p, len);
	digits[len] = '\0';
	*p += len;
	v->type = k->type;
	if (k->min == 0)
		return num_u64(digits, 0, k->max, &v->number, e);
	r = num_i64(digits, k->min, (int64_t)k->max, &n, e);
	if (r == 0)
		v->number = (uint64_t)n;
	return r;
}

static int read_array(struct gvariant *v, const char **p, struct err *e)
{
	char type = v->type;
	int r = 0;

	v->type = 'a';
	for (++*p, skip_space(p); r == 0 && **p != ']'; skip_space(p)) {
		if (**p != '\'' && **p != '"')
			return err_set(e, EOPNOTSUPP, "an array of something else than strings");
		r = read_string(&v->texts, p, e);
		skip_space(p);
		if (r == 0 && **p == ',')
			++*p;
		else if (r == 0 && **p != ']')
			return err_set(e, EINVAL, "an array does not end");
	}
	if (r < 0)
		return r;
	++*p;
	/* "[]" alone could be anything. */
	return v->texts.len || type == 'a' ? 0 : err_set(e, EINVAL, "an array of nothing");
}

static int read_value(struct gvariant *v, const char **p, struct err *e)
{
	static const char *const words[] = { "false", "true" };
	char type = v->type;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t len = strlen(words[i]);

		if (word_len(*p) != len || memcmp(*p, words[i], len) != 0)
			continue;
		*p += len;
		v->type = 'b';
		v->number = i;
		return type && type != 'b' ? err_set(e, EINVAL, "a boolean for another type") : 0;
	}
	if (**p == '\'' || **p == '"') {
		if (!type)
			v->type = 's';
		else if (!strchr("sog", type))
			return err_set(e, EINVAL, "a string for another type");
		return read_string(&v->texts, p, e);
	}
	if (**p == '[')
		return type && type != 'a' ? err_set(e, EINVAL, "an array for another type") :
					     read_array(v, p, e);
	if (**p == '-' || (**p >= '0' && **p <= '9'))
		return read_number(v, p, e);
	return err_set(e, EOPNOTSUPP, "no value for us: '%.*s'", MAX_ID, *p);
}

int gvariant_parse(struct gvariant *out, const char *text, struct err *e)
{
	AUTO(gvariant) struct gvariant v = GVARIANT_INIT;
	const char *p = text;
	int r;

	skip_space(&p);
	r = read_type(&v.type, &p, e);
	if (r == 0)
		r = read_value(&v, &p, e);
	if (r < 0)
		return r;
	skip_space(&p);
	if (*p)
		return err_set(e, EINVAL, "'%.*s' behind the value", MAX_ID, p);
	*out = v;
	v = (struct gvariant)GVARIANT_INIT;
	return 0;
}

static void print_string(const char *s, struct buf *out)
{
	buf_addc(out, '\'');
	for (; *s; s++) {
		static const char plain[] = "\\'", letters[] = "abfnrtv";
		static const char meant[] = "\a\b\f\n\r\t\v";
		const char *escape = strchr(meant, *s);

		if (strchr(plain, *s))
			buf_addf(out, "\\%c", *s);
		else if (escape)
			buf_addf(out, "\\%c", letters[escape - meant]);
		else
			buf_addc(out, *s);
	}
	buf_addc(out, '\'');
}

void gvariant_print(const struct gvariant *v, struct buf *out)
{
	const struct kind *k = kind_of(v->type);

	if (v->type == 'a') {
		buf_adds(out, "@as [");
		for (size_t i = 0; i < v->texts.len; i++) {
			buf_adds(out, i ? ", " : "");
			print_string(v->texts.v[i], out);
		}
		buf_addc(out, ']');
	} else if (v->type == 'b') {
		buf_adds(out, v->number ? "true" : "false");
	} else if (!k->max) {
		buf_addf(out, "%s ", k->word);
		print_string(v->texts.v[0], out);
	} else if (k->min) {
		buf_addf(out, "%s %" PRId64, k->word, (int64_t)v->number);
	} else {
		buf_addf(out, "%s %" PRIu64, k->word, v->number);
	}
}

void gvariant_clear(struct gvariant *v)
{
	strv_clear(&v->texts);
	*v = (struct gvariant)GVARIANT_INIT;
}
