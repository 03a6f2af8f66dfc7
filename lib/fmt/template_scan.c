#include "lib/fmt/template_scan.h"

#include <string.h>

#include "lib/base/str.h"

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Bytes above 127 are letters of some script. */
static bool is_alnum(char c)
{
	return is_digit(c) || c == '_' || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || (unsigned char)c > 127;
}

static void advance(struct scan *s, size_t n)
{
	for (; n; n--)
		s->line += *s->p++ == '\n';
}

bool scan_text(struct scan *s)
{
	const char *open;
	bool trim;

	while (s->trim && is_space(*s->p))
		advance(s, 1);
	open = strstr(s->p, "{{");
	s->at = s->p;
	s->len = open ? (size_t)(open - s->p) : strlen(s->p);
	advance(s, s->len);
	if (!open)
		return false;
	trim = open[2] == '-' && is_space(open[3]);
	while (trim && s->len && is_space(s->at[s->len - 1]))
		s->len--;
	advance(s, trim ? 3 : 2);
	return true;
}

static int fail(const struct scan *s, struct err *e, const char *what)
{
	return err_set(e, EINVAL, "template: line %u: %s", s->line, what);
}

static void set(struct scan *s, enum token tok, size_t len)
{
	s->tok = tok;
	s->at = s->p;
	s->len = len;
	advance(s, len);
}

/* The closing braces, if they are here. */
static bool take_close(struct scan *s, enum token tok)
{
	bool trim = s->spaced && !strncmp(s->p, "-}}", 3);

	if (!trim && strncmp(s->p, "}}", 2) != 0)
		return false;
	s->trim = trim;
	set(s, tok, trim ? 3 : 2);
	return true;
}

static size_t name_len(const char *p)
{
	size_t n = 0;

	while (is_alnum(p[n]))
		n++;
	return n;
}

static void add_rune(struct buf *b, unsigned c)
{
	if (c < 0x80) {
		buf_addc(b, (char)c);
	} else if (c < 0x800) {
		buf_addc(b, (char)(0xc0 | c >> 6));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_addc(b, (char)(0xe0 | c >> 12));
		buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	}
}

static int hex_digit(char c)
{
	return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What follows a backslash; the result is added to b. */
static int take_escape(struct scan *s, struct buf *b, struct err *e)
{
	static const char names[] = "abfnrtv\\\"'";
	static const char values[] = "\a\b\f\n\r\t\v\\\"'";
	const char *name = *s->p ? strchr(names, *s->p) : NULL;
	size_t digits = *s->p == 'x' ? 2 : *s->p == 'u' ? 4 : 0;
	unsigned c = 0;

	if (name) {
		buf_addc(b, values[name - names]);
		advance(s, 1);
		return 0;
	}
	if (!digits)
		return fail(s, e, "unknown escape in a string");
	for (size_t i = 1; i <= digits; i++) {
		int v = hex_digit(s->p[i]);

		if (v < 0)
			return fail(s, e, "bad escape in a string");
		c = c << 4 | (unsigned)v;
	}
	advance(s, digits + 1);
	if (c == 0)
		return fail(s, e, "a zero byte in a string");
	if (digits == 2)
		buf_addc(b, (char)c);
	else
		add_rune(b, c);
	return 0;
}

/* "..." or '.' with escapes, up to the same quote on the same line. */
static int take_quoted(struct scan *s, struct err *e)
{
	char quote = *s->p;
	int r = 0;

	buf_reset(&s->text);
	advance(s, 1);
	while (*s->p != quote && r == 0) {
		if (!*s->p || *s->p == '\n')
			return fail(s, e, "a quote is not closed");
		if (*s->p == '\\') {
			advance(s, 1);
			r = take_escape(s, &s->text, e);
		} else {
			buf_addc(&s->text, *s->p);
			advance(s, 1);
		}
	}
	if (r == 0)
		advance(s, 1);
	return r;
}

static int take_char(struct scan *s, struct err *e)
{
	static const unsigned char lead[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	const unsigned char *p;
	int r = take_quoted(s, e);

	if (r < 0)
		return r;
	p = (const unsigned char *)s->text.data;
	if (!s->text.len || !str_is_utf8(s->text.data, s->text.len) ||
	    (s->text.len != 1u + (*p >= 0xc0) + (*p >= 0xe0) + (*p >= 0xf0)))
		return fail(s, e, "a character constant is not one character");
	s->rune = *p & lead[s->text.len];
	for (size_t i = 1; i < s->text.len; i++)
		s->rune = s->rune << 6 | (p[i] & 0x3f);
	s->tok = TOK_CHAR;
	return 0;
}

static int take_string(struct scan *s, struct err *e)
{
	const char *end;
	int r;

	s->tok = TOK_TEXT;
	if (*s->p == '"') {
		r = take_quoted(s, e);
		if (r == 0 && !str_is_utf8(s->text.data, s->text.len))
			return fail(s, e, "a string is not UTF-8");
		return r;
	}
	end = strchr(s->p + 1, '`');
	if (!end)
		return fail(s, e, "a raw string is not closed");
	buf_reset(&s->text);
	buf_add(&s->text, s->p + 1, (size_t)(end - s->p) - 1);
	advance(s, (size_t)(end - s->p) + 1);
	return 0;
}

static int take_comment(struct scan *s, struct err *e)
{
	const char *end = strstr(s->p + 2, "*/");

	if (!end)
		return fail(s, e, "a comment is not closed");
	advance(s, (size_t)(end - s->p) + 2);
	s->spaced = is_space(*s->p);
	while (is_space(*s->p))
		advance(s, 1);
	return take_close(s, TOK_COMMENT) ? 0 : fail(s, e, "text behind a comment");
}

static bool take_sign(struct scan *s)
{
	static const struct {
		const char *text;
		enum token tok;
	} signs[] = {
		{ ":=", TOK_DECLARE }, { "=", TOK_ASSIGN }, { "|", TOK_PIPE },
		{ ",", TOK_COMMA }, { "(", TOK_OPEN_PAREN },
		{ ")", TOK_CLOSE_PAREN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
		if (str_starts(s->p, signs[i].text)) {
			set(s, signs[i].tok, strlen(signs[i].text));
			return true;
		}
	}
	return false;
}

int scan_next(struct scan *s, struct err *e)
{
	char c;

	s->spaced = is_space(*s->p);
	while (is_space(*s->p))
		advance(s, 1);
	c = *s->p;
	if (!c)
		return fail(s, e, "'}}' is missing");
	if (take_close(s, TOK_CLOSE))
		return 0;
	if (str_starts(s->p, "/*"))
		return take_comment(s, e);
	if (c == '"' || c == '`')
		return take_string(s, e);
	if (c == '\'')
		return take_char(s, e);
	if (take_sign(s))
		return 0;
	if (c == '$' || (c == '.' && is_alnum(s->p[1]) && !is_digit(s->p[1]))) {
		advance(s, 1);
		set(s, c == '$' ? TOK_VAR : TOK_FIELD, name_len(s->p));
	} else if (c == '.') {
		set(s, TOK_DOT, 1);
	} else if (is_digit(c) || ((c == '-' || c == '+') && is_digit(s->p[1]))) {
		size_t sign = c == '-';

		advance(s, c == '+');
		set(s, TOK_NUMBER, sign + strspn(s->p + sign, "0123456789._abcdefxABCDEFX"));
	} else if (is_alnum(c)) {
		set(s, TOK_WORD, name_len(s->p));
	} else {
		return err_set(e, EINVAL, "template: line %u: unexpected '%.8s'",
			       s->line, s->p);
	}
	return 0;
}

void scan_back(struct scan *s, const struct scan *to)
{
	struct buf text = s->text;	/* may have grown since */

	*s = *to;
	s->text = text;
}

bool scan_word_is(const struct scan *s, const char *word)
{
	return s->len == strlen(word) && !memcmp(s->at, word, s->len);
}
