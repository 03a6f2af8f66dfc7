/* The functions of templates: Go's, and those that docker adds. */
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/template_int.h"

static int fail_type(const char *name, const json_t *v, struct err *e)
{
	return err_set(e, EINVAL, "template: %s does not take a %s", name,
		       value_type(v));
}

static int need_text(const char *name, const json_t *v, struct err *e)
{
	return json_is_string(v) ? 0 : fail_type(name, v, e);
}

static int need_int(const char *name, const json_t *v, int64_t min, int64_t max,
		    int64_t *out, struct err *e)
{
	if (!json_is_integer(v))
		return fail_type(name, v, e);
	if (json_integer_value(v) < min || json_integer_value(v) > max)
		return err_set(e, EINVAL, "template: %s: %lld is out of range", name,
			       (long long)json_integer_value(v));
	*out = json_integer_value(v);
	return 0;
}

/* --- comparison --- */

static bool is_number(const json_t *v)
{
	return json_is_integer(v) || json_is_real(v);
}

/* *order is negative, 0 or positive. */
static int compare(const char *name, const json_t *a, const json_t *b,
		   int *order, struct err *e)
{
	if (json_is_integer(a) && json_is_integer(b)) {
		json_int_t x = json_integer_value(a), y = json_integer_value(b);

		*order = (x > y) - (x < y);
	} else if (is_number(a) && is_number(b)) {
		double x = json_number_value(a), y = json_number_value(b);

		*order = (x > y) - (x < y);
	} else if (json_is_string(a) && json_is_string(b)) {
		*order = strcmp(json_string_value(a), json_string_value(b));
	} else {
		return err_set(e, EINVAL, "template: %s cannot compare %s with %s",
			       name, value_type(a), value_type(b));
	}
	return 0;
}

static bool is_nil(const json_t *v)
{
	return !v || json_is_null(v);
}

static int equal(const json_t *a, const json_t *b, bool *out, struct err *e)
{
	int order = 0;
	int r = 0;

	if (is_nil(a) || is_nil(b)) {
		*out = is_nil(a) && is_nil(b);
		return 0;
	}
	if (json_is_boolean(a) && json_is_boolean(b))
		order = json_is_true(a) - json_is_true(b);
	else
		r = compare("eq", a, b, &order, e);
	if (r == 0)
		*out = order == 0;
	return r;
}

static int do_eq(struct run *run UNUSED, json_t **args, size_t count,
		 json_t **out, struct err *e)
{
	bool found = false;
	int r = 0;

	for (size_t i = 1; i < count && !found && r == 0; i++)
		r = equal(args[0], args[i], &found, e);
	if (r == 0)
		*out = json_boolean(found);
	return r;
}

static int do_ne(struct run *run UNUSED, json_t **args, size_t count UNUSED,
		 json_t **out, struct err *e)
{
	bool same;
	int r = equal(args[0], args[1], &same, e);

	if (r == 0)
		*out = json_boolean(!same);
	return r;
}

static int do_lt(struct run *run UNUSED, json_t **args, size_t count UNUSED,
		 json_t **out, struct err *e)
{
	int order;
	int r = compare("lt", args[0], args[1], &order, e);

	if (r == 0)
		*out = json_boolean(order < 0);
	return r;
}

static int do_le(struct run *run UNUSED, json_t **args, size_t count UNUSED,
		 json_t **out, struct err *e)
{
	int order;
	int r = compare("le", args[0], args[1], &order, e);

	if (r == 0)
		*out = json_boolean(order <= 0);
	return r;
}

static int do_gt(struct run *run UNUSED, json_t **args, size_t count UNUSED,
		 json_t **out, struct err *e)
{
	int order;
	int r = compare("gt", args[0], args[1], &order, e);

	if (r == 0)
		*out = json_boolean(order > 0);
	return r;
}

static int do_ge(struct run *run UNUSED, json_t **args, size_t count UNUSED,
		 json_t **out, struct err *e)
{
	int order;
	int r = compare("ge", args[0], args[1], &order, e);

	if (r == 0)
		*out = json_boolean(order >= 0);
	return r;
}

static int do_not(struct run *run UNUSED, json_t **args, size_t count UNUSED,
		  json_t **out, struct err *e UNUSED)
{
	*out = json_boolean(!value_is_true(args[0]));
	return 0;
}

/* --- parts of values --- */

static int do_len(struct run *run UNUSED, json_t **args, size_t count UNUSED,
		  json_t **out, struct err *e)
{
	const json_t *v = args[0];
	size_t n = 0;

	if (json_is_string(v))
		n = json_string_length(v);
	else if (json_is_array(v))
		n = json_array_size(v);
	else if (json_is_object(v))
		n = json_object_size(v);
	else if (!is_nil(v))
		return fail_type("len", v, e);
	*out = json_integer((json_int_t)n);
	return 0;
}

/* What Go gives for a key that a map lacks: the zero value of its values,
 * which for a map of strings is "". */
static json_t *zero_of(const json_t *map)
{
	const char *key;
	json_t *item;

	json_object_foreach((json_t *)map, key, item)
		if (!json_is_string(item))
			return NULL;
	return json_string("");
}

static int index_one(const json_t *v, const json_t *key, json_t **out,
		     struct err *e)
{
	json_t *item;
	int64_t at;
	int r;

	if (json_is_array(v)) {
		r = need_int("index", key, 0, (int64_t)json_array_size(v) - 1, &at, e);
		if (r == 0)
			*out = json_incref(json_array_get(v, (size_t)at));
		return r;
	}
	if (!is_nil(v) && !json_is_object(v))
		return fail_type("index", v, e);
	r = need_text("index", key, e);
	if (r < 0)
		return r;
	item = json_object_get(v, json_string_value(key));
	*out = item ? json_incref(item) : zero_of(v);
	return 0;
}

int func_index(struct run *run, json_t **args, size_t count, json_t **out,
	       struct err *e)
{
	AUTO(value) json_t *v = json_incref(args[0]);
	int r = run_charge(run, count, e);

	for (size_t i = 1; i < count && r == 0; i++) {
		json_t *item = NULL;

		r = index_one(v, args[i], &item, e);
		json_decref(v);
		v = item;
	}
	if (r == 0)
		*out = take(v);
	return r;
}

static int do_slice(struct run *run, json_t **args, size_t count, json_t **out,
		    struct err *e)
{
	const json_t *v = args[0];
	bool text = json_is_string(v);
	int64_t len = (int64_t)(text ? json_string_length(v) : json_array_size(v));
	int64_t from = 0, to = len;
	int r = text || json_is_array(v) ? 0 : fail_type("slice", v, e);

	if (r == 0 && count > 2)
		r = need_int("slice", args[2], 0, len, &to, e);
	if (r == 0 && count > 1)
		r = need_int("slice", args[1], 0, to, &from, e);
	if (r == 0)
		r = run_charge(run, (size_t)(to - from), e);
	if (r < 0)
		return r;
	if (text) {
		*out = json_stringn_nocheck(json_string_value(v) + from,
					    (size_t)(to - from));
		return 0;
	}
	*out = json_array();
	for (; from < to; from++)
		json_array_append(*out, json_array_get(v, (size_t)from));
	return 0;
}

int func_label(struct run *run, json_t *row, const char *key, json_t **out,
	       struct err *e)
{
	const json_t *labels = json_object_get(row, "Labels");
	const char *p = json_string_value(labels);
	const char *last = strrchr(key, '.');
	json_t *item;
	char *header;

	if (run->headers) {
		header = mem_str(last ? last + 1 : key);
		for (char *c = header; *c; c++)
			if (*c == '-' || *c == '_')
				*c = ' ';
		*out = json_string(header);
		free(header);
		return 0;
	}
	if (json_is_object(labels)) {
		item = json_object_get(labels, key);
		*out = item ? json_incref(item) : json_string("");
		return 0;
	}
	if (!p)
		return err_set(e, EINVAL, "template: can't evaluate field Label");
	while (*p) {
		size_t n = strcspn(p, ",");
		size_t name = strcspn(p, "=,");

		if (name == strlen(key) && !memcmp(p, key, name)) {
			p += name + (p[name] == '=');
			*out = json_stringn_nocheck(p, strcspn(p, ","));
			return 0;
		}
		p += n + (p[n] == ',');
	}
	*out = json_string("");
	return 0;
}

/* --- text --- */

/* print puts blanks between operands that are both no strings; println puts
 * them everywhere. */
static int print_all(struct run *run, json_t **args, size_t count, bool line,
		     json_t **out, struct err *e)
{
	AUTO(buf) struct buf b = BUF_INIT(MAX_TMPL_OUTPUT);
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		if (i && (line || (!json_is_string(args[i]) &&
				   !json_is_string(args[i - 1]))))
			buf_addc(&b, ' ');
		if (is_nil(args[i]))
			buf_adds(&b, "<nil>");
		else
			r = value_print(run, args[i], &b, e);
	}
	if (line)
		buf_addc(&b, '\n');
	return r < 0 ? r : value_text(run, &b, out, e);
}

static int do_print(struct run *run, json_t **args, size_t count, json_t **out,
		    struct err *e)
{
	return print_all(run, args, count, false, out, e);
}

static int do_println(struct run *run, json_t **args, size_t count,
		      json_t **out, struct err *e)
{
	return print_all(run, args, count, true, out, e);
}

static int do_printf(struct run *run, json_t **args, size_t count, json_t **out,
		     struct err *e)
{
	AUTO(buf) struct buf b = BUF_INIT(MAX_TMPL_OUTPUT);
	int r = need_text("printf", args[0], e);

	if (r == 0)
		r = value_printf(run, json_string_value(args[0]), args + 1,
				 count - 1, &b, e);
	return r < 0 ? r : value_text(run, &b, out, e);
}

static int do_json(struct run *run, json_t **args, size_t count UNUSED,
		   json_t **out, struct err *e)
{
	size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
	AUTO_FREE char *text = NULL;
	size_t len;
	int r;

	if (is_nil(args[0])) {
		*out = json_string("null");
		return 0;
	}
	/* Go prints the fields of a struct in order, the keys of a map sorted. */
	if (json_is_object(args[0]) && !value_is_struct(args[0]))
		flags |= JSON_SORT_KEYS;
	text = json_dumps(args[0], flags);
	if (!text)
		return err_set(e, EINVAL, "template: json: not UTF-8");
	len = strlen(text);
	r = run_charge(run, len / 64, e);
	if (r == 0)
		*out = json_stringn_nocheck(text, len);
	return r;
}

static int do_split(struct run *run, json_t **args, size_t count UNUSED,
		    json_t **out, struct err *e)
{
	const char *p, *sep;
	int r = need_text("split", args[0], e);

	if (r == 0)
		r = need_text("split", args[1], e);
	if (r == 0)
		r = run_charge(run, json_string_length(args[0]), e);
	if (r < 0)
		return r;
	p = json_string_value(args[0]);
	sep = json_string_value(args[1]);
	if (!*sep)
		return err_set(e, EINVAL, "template: split: the separator is empty");
	*out = json_array();
	for (;;) {
		const char *end = strstr(p, sep);
		size_t n = end ? (size_t)(end - p) : strlen(p);

		json_array_append_new(*out, json_stringn_nocheck(p, n));
		if (!end)
			return 0;
		p = end + strlen(sep);
	}
}

static int do_join(struct run *run, json_t **args, size_t count UNUSED,
		   json_t **out, struct err *e)
{
	AUTO(buf) struct buf b = BUF_INIT(MAX_TMPL_OUTPUT);
	json_t *item;
	size_t i;
	int r = need_text("join", args[1], e);

	if (r == 0 && !json_is_array(args[0]) && !is_nil(args[0]))
		r = fail_type("join", args[0], e);
	json_array_foreach(args[0], i, item) {
		if (r < 0)
			return r;
		if (i)
			buf_adds(&b, json_string_value(args[1]));
		r = value_print(run, item, &b, e);
	}
	return r < 0 ? r : value_text(run, &b, out, e);
}

/* ASCII only: the case of other letters depends on the language. */
static int change_case(struct run *run, const char *name, const json_t *v,
		       json_t **out, struct err *e)
{
	AUTO_FREE char *text = NULL;
	bool first = true;
	int r = need_text(name, v, e);

	if (r == 0)
		r = run_charge(run, json_string_length(v) / 64, e);
	if (r < 0)
		return r;
	text = mem_str(json_string_value(v));
	for (char *c = text; *c; c++) {
		bool lower = *c >= 'a' && *c <= 'z';
		bool upper = *c >= 'A' && *c <= 'Z';

		if (lower && (*name == 'u' || (*name == 't' && first)))
			*c = (char)(*c - 'a' + 'A');
		else if (upper && *name == 'l')
			*c = (char)(*c - 'A' + 'a');
		first = !lower && !upper && (unsigned char)*c < 0x80 &&
			!strchr("0123456789_'", *c);
	}
	*out = json_stringn_nocheck(text, strlen(text));
	return 0;
}

static int do_title(struct run *run, json_t **args, size_t count UNUSED,
		    json_t **out, struct err *e)
{
	return change_case(run, "title", args[0], out, e);
}

static int do_lower(struct run *run, json_t **args, size_t count UNUSED,
		    json_t **out, struct err *e)
{
	return change_case(run, "lower", args[0], out, e);
}

static int do_upper(struct run *run, json_t **args, size_t count UNUSED,
		    json_t **out, struct err *e)
{
	return change_case(run, "upper", args[0], out, e);
}

static int do_pad(struct run *run, json_t **args, size_t count UNUSED,
		  json_t **out, struct err *e)
{
	AUTO(buf) struct buf b = BUF_INIT(MAX_TMPL_OUTPUT);
	int64_t before, after;
	int r = need_text("pad", args[0], e);

	if (r == 0)
		r = need_int("pad", args[1], 0, 4096, &before, e);
	if (r == 0)
		r = need_int("pad", args[2], 0, 4096, &after, e);
	if (r < 0)
		return r;
	if (json_string_length(args[0])) {
		buf_addf(&b, "%*s%s%*s", (int)before, "",
			 json_string_value(args[0]), (int)after, "");
	}
	return value_text(run, &b, out, e);
}

static int do_truncate(struct run *run, json_t **args, size_t count UNUSED,
		       json_t **out, struct err *e)
{
	int64_t len;
	size_t n;
	const char *p;
	int r = need_text("truncate", args[0], e);

	if (r == 0)
		r = need_int("truncate", args[1], 0, INT32_MAX, &len, e);
	if (r == 0)
		r = run_charge(run, json_string_length(args[0]) / 64, e);
	if (r < 0)
		return r;
	p = json_string_value(args[0]);
	n = json_string_length(args[0]);
	if (n > (size_t)len)
		for (n = (size_t)len; n && (p[n] & 0xc0) == 0x80; n--)
			;
	*out = json_stringn_nocheck(p, n);
	return 0;
}

static const struct func funcs[] = {
	{ "and", FUNC_AND, NULL, 1, MAX_ARGS },
	{ "or", FUNC_OR, NULL, 1, MAX_ARGS },
	{ "not", FUNC_PLAIN, do_not, 1, 1 },
	{ "eq", FUNC_PLAIN, do_eq, 2, MAX_ARGS },
	{ "ne", FUNC_PLAIN, do_ne, 2, 2 },
	{ "lt", FUNC_PLAIN, do_lt, 2, 2 },
	{ "le", FUNC_PLAIN, do_le, 2, 2 },
	{ "gt", FUNC_PLAIN, do_gt, 2, 2 },
	{ "ge", FUNC_PLAIN, do_ge, 2, 2 },
	{ "len", FUNC_PLAIN, do_len, 1, 1 },
	{ "index", FUNC_TEXT, func_index, 1, MAX_ARGS },
	{ "slice", FUNC_TEXT, do_slice, 1, 3 },
	{ "print", FUNC_PLAIN, do_print, 0, MAX_ARGS },
	{ "println", FUNC_PLAIN, do_println, 0, MAX_ARGS },
	{ "printf", FUNC_PLAIN, do_printf, 1, MAX_ARGS },
	{ "json", FUNC_TEXT, do_json, 1, 1 },
	{ "split", FUNC_TEXT, do_split, 2, 2 },
	{ "join", FUNC_TEXT, do_join, 2, 2 },
	{ "title", FUNC_TEXT, do_title, 1, 1 },
	{ "lower", FUNC_TEXT, do_lower, 1, 1 },
	{ "upper", FUNC_TEXT, do_upper, 1, 1 },
	{ "pad", FUNC_TEXT, do_pad, 3, 3 },
	{ "truncate", FUNC_TEXT, do_truncate, 2, 2 },
};

const struct func *func_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(funcs); i++)
		if (str_eq(funcs[i].name, name))
			return &funcs[i];
	return NULL;
}
