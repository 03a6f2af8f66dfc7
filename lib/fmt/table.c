#include "lib/fmt/table.h"

#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/base/strv.h"
#include "lib/fmt/template.h"

#define PADDING 3			/* blanks between columns, as docker */
#define MIN_WIDTH 10			/* of a column with its padding */
#define MAX_COLUMNS 64

/* The lines of a table before they are aligned, cells separated by tabs. */
struct lines {
	struct strv at;
	size_t width[MAX_COLUMNS];
};

static void json_ref_auto(json_t **v)
{
	json_decref(*v);
	*v = NULL;
}

static void lines_auto(struct lines *l)
{
	strv_clear(&l->at);
}

/* --- alignment --- */

/* One cell of a line; the last one takes what is left. */
static size_t cell_len(const char *line, size_t column)
{
	return column + 1 < MAX_COLUMNS ? strcspn(line, "\t") : strlen(line);
}

/* What stands behind the last tab is no column and needs no room. */
static void measure(struct lines *l, const char *line)
{
	for (size_t column = 0;; column++) {
		size_t n = cell_len(line, column);
		AUTO_FREE char *cell = NULL;
		size_t width;

		if (!line[n])
			return;
		cell = mem_strn(line, n);
		width = table_width(cell) + PADDING;
		if (width < MIN_WIDTH)
			width = MIN_WIDTH;
		if (l->width[column] < width)
			l->width[column] = width;
		line += n + 1;
	}
}

static void add_line(struct lines *l, const char *text)
{
	strv_add(&l->at, text);
	measure(l, text);
}

static void print_line(const struct lines *l, const char *line, struct buf *out)
{
	for (size_t column = 0;; column++) {
		size_t n = cell_len(line, column);
		AUTO_FREE char *cell = mem_strn(line, n);

		buf_adds(out, cell);
		if (!line[n])
			break;
		for (size_t i = table_width(cell); i < l->width[column]; i++)
			buf_addc(out, ' ');
		line += n + 1;
	}
	buf_addc(out, '\n');
}

static int print_lines(const struct lines *l, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < l->at.len; i++)
		print_line(l, l->at.v[i], out);
	return buf_ok(out, "the table", e);
}

/* --- cells --- */

/* A copy for a table: nothing in it steers a terminal or is a separator. */
static char *mask_text(const char *s)
{
	char *copy = mem_str(s);

	for (char *c = copy; *c; c++)
		if (*c == '\t' || *c == '\n' || *c == '\r')
			*c = ' ';
	str_mask(copy);
	return copy;
}

static json_t *mask_value(const json_t *v, unsigned depth)
{
	AUTO_FREE char *text = NULL;
	const char *key;
	json_t *copy, *item;
	size_t i;

	if (depth > MAX_JSON_DEPTH)
		return json_null();
	if (json_is_string(v)) {
		text = mask_text(json_string_value(v));
		return json_string(text);
	}
	if (json_is_array(v)) {
		copy = json_array();
		json_array_foreach(v, i, item)
			json_array_append_new(copy, mask_value(item, depth + 1));
		return copy;
	}
	if (json_is_object(v)) {
		copy = json_object();
		json_object_foreach((json_t *)v, key, item) {
			char *masked = mask_text(key);

			json_object_set_new(copy, masked, mask_value(item, depth + 1));
			free(masked);
		}
		return copy;
	}
	return json_incref((json_t *)v);
}

/* A string as it is, anything else as compact JSON. */
static char *cell_text(const json_t *v)
{
	char *text;

	if (!v || json_is_null(v))
		return mem_str("");
	if (json_is_string(v))
		return mask_text(json_string_value(v));
	text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY);
	if (!text)
		return mem_str("?");
	str_mask(text);
	return text;
}

/* --- the forms --- */

/* One line of a default table: the shown columns of a row, or the headers. */
static void add_row(struct lines *l, const struct table *t, const char *show,
		    const json_t *row)
{
	AUTO(buf) struct buf line = BUF_INIT(MAX_TMPL_OUTPUT);
	bool first = true;

	for (size_t i = 0; i < t->count; i++) {
		const struct column *c = &t->columns[i];
		AUTO_FREE char *cell = NULL;

		if (c->hidden && !str_eq(c->name, show))
			continue;
		cell = row ? cell_text(json_object_get(row, c->name)) :
			     mem_str(c->header);
		buf_addf(&line, "%s%s", first ? "" : "\t", cell);
		first = false;
	}
	add_line(l, line.data);
}

static int print_table(struct buf *out, const struct table *t,
		       const struct table_opts *opts, json_t *rows, struct err *e)
{
	AUTO(lines) struct lines l = { .at = STRV_INIT };
	json_t *row;
	size_t i;

	if (!opts->no_headers)
		add_row(&l, t, opts->show, NULL);
	json_array_foreach(rows, i, row)
		add_row(&l, t, opts->show, row);
	return print_lines(&l, out, e);
}

static int print_quiet(struct buf *out, const struct table *t, json_t *rows,
		       struct err *e)
{
	const char *name = t->quiet ? t->quiet : t->columns[0].name;
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		AUTO_FREE char *text = cell_text(json_object_get(row, name));

		buf_addf(out, "%s\n", text);
	}
	return buf_ok(out, "the list", e);
}

static int add_json(struct buf *out, const json_t *v, size_t flags,
		    struct err *e)
{
	AUTO_FREE char *text = json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY | flags);

	if (!text)
		return err_set(e, EINVAL, "a value cannot be written as JSON");
	buf_adds(out, text);
	buf_addc(out, '\n');
	return buf_ok(out, "the list", e);
}

static int print_json(struct buf *out, json_t *rows, struct err *e)
{
	json_t *row;
	size_t i;
	int r = 0;

	json_array_foreach(rows, i, row) {
		r = add_json(out, row, JSON_SORT_KEYS, e);
		if (r < 0)
			break;
	}
	return r;
}

/* In a shell, '\t' is two characters. */
static char *undo_escapes(const char *format)
{
	char *copy = mem_str(format);
	char *to = copy;

	for (const char *p = copy; *p; p++) {
		if (*p == '\\' && (p[1] == 't' || p[1] == 'n'))
			*to++ = *++p == 't' ? '\t' : '\n';
		else
			*to++ = *p;
	}
	*to = '\0';
	return copy;
}

static int parse(struct template **out, const char *format, struct err *e)
{
	AUTO_FREE char *text = undo_escapes(format);

	return template_parse(out, text, e);
}

/* What a template made of one row may be several lines. */
static void add_text(struct lines *l, char *text)
{
	char *line;

	while ((line = strsep(&text, "\n")))
		add_line(l, line);
}

static json_t *headers_of(const struct table *t)
{
	json_t *headers = json_object();

	for (size_t i = 0; i < t->count; i++)
		json_object_set_new(headers, t->columns[i].name,
				    json_string(t->columns[i].header));
	return headers;
}

static int print_table_template(struct buf *out, const struct table *t,
				const char *format, bool with_headers,
				json_t *rows, struct err *e)
{
	AUTO(lines) struct lines l = { .at = STRV_INIT };
	AUTO(json_ref) json_t *headers = headers_of(t);
	AUTO(buf) struct buf text = BUF_INIT(out->max);
	AUTO(template) struct template *tmpl = NULL;
	json_t *row;
	size_t i;
	int r = parse(&tmpl, format, e);

	/* Also without headers: it finds fields that no row would have. */
	if (r == 0)
		r = template_run_headers(tmpl, headers, &text, e);
	if (r < 0)
		return r;
	if (with_headers)
		add_text(&l, text.data);
	json_array_foreach(rows, i, row) {
		AUTO(json_ref) json_t *masked = mask_value(row, 0);

		buf_reset(&text);
		r = template_run(tmpl, masked, &text, e);
		if (r < 0)
			return r;
		add_text(&l, text.data);
	}
	return print_lines(&l, out, e);
}

static int print_template(struct buf *out, const char *format, json_t *rows,
			  struct err *e)
{
	AUTO(template) struct template *tmpl = NULL;
	json_t *row;
	size_t i;
	int r = parse(&tmpl, format, e);

	if (r < 0)
		return r;
	json_array_foreach(rows, i, row) {
		r = template_run(tmpl, row, out, e);
		if (r < 0)
			return r;
		buf_addc(out, '\n');
	}
	return buf_ok(out, "the list", e);
}

int table_print(struct buf *out, const struct table *t,
		const struct table_opts *opts, json_t *rows, struct err *e)
{
	const char *format = str_or(opts->format, "table");
	const char *columns = str_after(format, "table");

	if (columns && *columns && *columns != ' ' && *columns != '\t')
		columns = NULL;
	if (columns)
		columns += strspn(columns, " \t");
	if (columns && opts->quiet)
		return print_quiet(out, t, rows, e);
	if (columns && !*columns)
		return print_table(out, t, opts, rows, e);
	if (columns)
		return print_table_template(out, t, columns, !opts->no_headers,
					    rows, e);
	if (str_eq(format, "json"))
		return print_json(out, rows, e);
	return print_template(out, format, rows, e);
}

int table_print_object(struct buf *out, const char *format, json_t *object,
		       struct err *e)
{
	AUTO(template) struct template *tmpl = NULL;
	int r;

	if (str_eq(format, "json"))
		return add_json(out, object, 0, e);
	r = parse(&tmpl, format, e);
	if (r == 0)
		r = template_run(tmpl, object, out, e);
	if (r < 0)
		return r;
	buf_addc(out, '\n');
	return buf_ok(out, "the output", e);
}
