/* From text to tree.
 *
 * The text outside {{ and }} is cut first, with the blanks that trim markers
 * take away; inside, a scanner gives tokens, and a recursive descent, whose
 * depth is bounded, builds the tree.
 */
#include "lib/fmt/template.h"

#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"
#include "lib/fmt/template_int.h"
#include "lib/fmt/template_scan.h"

/* How a list of nodes ended. */
enum stop { STOP_EOF, STOP_END, STOP_ELSE };

static void pipe_free(struct pipe *p);

static void term_free(struct term *t)
{
	while (t) {
		struct term *next = t->next;

		free(t->var);
		json_decref(t->value);
		pipe_free(t->pipe);
		strv_clear(&t->fields);
		free(t);
		t = next;
	}
}

static void pipe_free(struct pipe *p)
{
	struct command *c = p ? p->commands : NULL;

	while (c) {
		struct command *next = c->next;

		term_free(c->terms);
		free(c);
		c = next;
	}
	if (p) {
		free(p->vars[0]);
		free(p->vars[1]);
	}
	free(p);
}

static void node_free(struct node *n)
{
	while (n) {
		struct node *next = n->next;

		free(n->text);
		pipe_free(n->pipe);
		node_free(n->body);
		node_free(n->other);
		free(n);
		n = next;
	}
}

void template_free(struct template *t)
{
	if (t)
		node_free(t->nodes);
	free(t);
}

static int fail(const struct scan *s, struct err *e, const char *what)
{
	return err_set(e, EINVAL, "template: line %u: %s", s->line, what);
}

static int unexpected(const struct scan *s, struct err *e)
{
	if (s->tok == TOK_CLOSE)
		return fail(s, e, "something is missing before '}}'");
	return err_set(e, EINVAL, "template: line %u: unexpected '%.*s'", s->line,
		       (int)(s->len < 64 ? s->len : 64), s->at);
}

static int parse_pipe(struct scan *s, struct pipe **out, enum token until,
		      struct err *e);

static int parse_function(struct scan *s, struct term *t, struct err *e)
{
	AUTO_FREE char *name = mem_strn(s->at, s->len);

	t->kind = TERM_VALUE;
	if (str_eq(name, "true") || str_eq(name, "false")) {
		t->value = json_boolean(*name == 't');
	} else if (!str_eq(name, "nil")) {
		t->kind = TERM_FUNC;
		t->func = func_find(name);
		if (!t->func)
			return err_set(e, EINVAL, "template: line %u: function '%s' is not known",
				       s->line, name);
	}
	return 0;
}

static int parse_number(struct scan *s, struct term *t, struct err *e)
{
	AUTO_FREE char *text = mem_strn(s->at, s->len);
	struct err ignored = ERR_INIT;
	bool negative = *text == '-';
	uint64_t nano;
	int64_t v;

	t->kind = TERM_VALUE;
	if (num_i64(text, INT64_MIN, INT64_MAX, &v, &ignored) == 0) {
		t->value = json_integer(v);
		return 0;
	}
	err_clear(&ignored);
	if (!strchr(text, '.') || num_nano(text + negative, &nano, &ignored) < 0)
		return err_set(e, EINVAL, "template: line %u: '%s' is not a number",
			       s->line, text);
	t->value = json_real((negative ? -1 : 1) * (double)nano / 1e9);
	return 0;
}

/* One operand with the fields that follow it; the token after it is read. */
static int parse_term(struct scan *s, struct term **out, struct err *e)
{
	struct term *t = mem_new(struct term);
	int r = 0;

	*out = t;
	switch (s->tok) {
	case TOK_DOT:
	case TOK_FIELD:
		t->kind = TERM_DOT;
		if (s->tok == TOK_FIELD)
			strv_addn(&t->fields, s->at, s->len);
		break;
	case TOK_VAR:
		t->kind = TERM_VAR;
		t->var = mem_strn(s->at, s->len);
		break;
	case TOK_TEXT:
	case TOK_CHAR:
		t->kind = TERM_VALUE;
		t->value = s->tok == TOK_TEXT ?
			   json_stringn_nocheck(s->text.data, s->text.len) :
			   json_integer(s->rune);
		break;
	case TOK_NUMBER:
		r = parse_number(s, t, e);
		break;
	case TOK_WORD:
		r = parse_function(s, t, e);
		break;
	case TOK_OPEN_PAREN:
		t->kind = TERM_PIPE;
		r = scan_next(s, e);
		if (r == 0)
			r = parse_pipe(s, &t->pipe, TOK_CLOSE_PAREN, e);
		break;
	default:
		return unexpected(s, e);
	}
	if (r == 0)
		r = scan_next(s, e);
	while (r == 0 && s->tok == TOK_FIELD && !s->spaced) {
		if (t->kind == TERM_FUNC || t->kind == TERM_VALUE)
			return unexpected(s, e);
		strv_addn(&t->fields, s->at, s->len);
		r = scan_next(s, e);
	}
	return r;
}

static int parse_command(struct scan *s, struct command **out, struct err *e)
{
	struct command *c = mem_new(struct command);
	struct term **last = &c->terms;
	size_t count = 0;
	int r = 0;

	*out = c;
	do {
		if (count++ > MAX_ARGS)
			return fail(s, e, "too many arguments");
		if (count > 1 && !s->spaced && s->tok != TOK_OPEN_PAREN)
			return unexpected(s, e);
		r = parse_term(s, last, e);
		if (r < 0)
			return r;
		last = &(*last)->next;
	} while (s->tok != TOK_PIPE && s->tok != TOK_CLOSE &&
		 s->tok != TOK_CLOSE_PAREN);
	return 0;
}

/* "$x :=", "$x =" or "$k, $v :=" if they are there; pairs belong to range. */
static int parse_declaration(struct scan *s, struct pipe *p, struct err *e)
{
	struct scan back = *s;
	int r;

	while (s->tok == TOK_VAR && p->var_count < 2) {
		p->vars[p->var_count++] = mem_strn(s->at, s->len);
		r = scan_next(s, e);
		if (r < 0)
			return r;
		if (s->tok == TOK_DECLARE || s->tok == TOK_ASSIGN) {
			p->assign = s->tok == TOK_ASSIGN;
			return scan_next(s, e);
		}
		if (s->tok != TOK_COMMA)
			break;
		r = scan_next(s, e);
		if (r < 0)
			return r;
	}
	if (p->var_count == 2 || s->tok == TOK_COMMA)
		return unexpected(s, e);
	/* A variable that is used: read it again as an operand. */
	if (p->var_count) {
		free(p->vars[0]);
		p->vars[0] = NULL;
		p->var_count = 0;
		scan_back(s, &back);
	}
	return 0;
}

/* From the current token to the one that ends it, which stays current. */
static int parse_pipe(struct scan *s, struct pipe **out, enum token until,
		      struct err *e)
{
	struct pipe *p = mem_new(struct pipe);
	struct command **last = &p->commands;
	int r;

	*out = p;
	if (++s->depth > MAX_TMPL_DEPTH)
		return fail(s, e, "nested too deeply");
	r = parse_declaration(s, p, e);
	for (;;) {
		if (r == 0)
			r = parse_command(s, last, e);
		if (r < 0)
			return r;
		last = &(*last)->next;
		if (s->tok != TOK_PIPE)
			break;
		r = scan_next(s, e);
	}
	if (s->tok != until)
		return unexpected(s, e);
	s->depth--;
	return 0;
}

static int parse_list(struct scan *s, struct node **out, enum stop *stop,
		      struct err *e);

/* The rest of an if, with or range, whose keyword was the last token. */
static int parse_block(struct scan *s, struct node *n, struct err *e)
{
	enum stop stop;
	int r;

	if (++s->depth > MAX_TMPL_DEPTH)
		return fail(s, e, "nested too deeply");
	r = scan_next(s, e);
	if (r == 0)
		r = parse_pipe(s, &n->pipe, TOK_CLOSE, e);
	if (r == 0 && n->pipe->var_count == 2 && n->kind != NODE_RANGE)
		r = fail(s, e, "only range has two variables");
	if (r == 0)
		r = parse_list(s, &n->body, &stop, e);
	if (r == 0 && stop == STOP_ELSE && s->tok == TOK_WORD) {
		/* else if, else with: a block of its own, that takes our end */
		if (!scan_word_is(s, "if") && !scan_word_is(s, "with"))
			return unexpected(s, e);
		n->other = mem_new(struct node);
		n->other->kind = scan_word_is(s, "if") ? NODE_IF : NODE_WITH;
		n->other->line = s->line;
		r = parse_block(s, n->other, e);
		s->depth--;
		return r;
	}
	if (r == 0 && stop == STOP_ELSE)
		r = parse_list(s, &n->other, &stop, e);
	if (r == 0 && stop == STOP_ELSE)
		r = fail(s, e, "a second else");
	if (r == 0 && stop == STOP_EOF)
		r = fail(s, e, "an {{end}} is missing");
	s->depth--;
	return r;
}

/* end or else: says which; the token behind else is current. */
static int parse_stop(struct scan *s, enum stop *stop, struct err *e)
{
	int r;

	*stop = scan_word_is(s, "end") ? STOP_END : STOP_ELSE;
	r = scan_next(s, e);
	if (r == 0 && s->tok != TOK_CLOSE &&
	    (*stop == STOP_END || s->tok != TOK_WORD))
		r = unexpected(s, e);
	return r;
}

/* One action, from behind its braces to behind its closing ones. */
static int parse_action(struct scan *s, struct node **out, enum stop *stop,
			struct err *e)
{
	static const char *const blocks[] = {
		[NODE_IF] = "if",
		[NODE_WITH] = "with",
		[NODE_RANGE] = "range",
	};
	struct node *n;
	int r = scan_next(s, e);

	if (r < 0 || s->tok == TOK_COMMENT)
		return r;
	if (s->tok == TOK_WORD &&
	    (scan_word_is(s, "end") || scan_word_is(s, "else")))
		return parse_stop(s, stop, e);
	n = mem_new(struct node);
	*out = n;
	n->kind = NODE_PIPE;
	n->line = s->line;
	for (size_t i = NODE_IF; s->tok == TOK_WORD && i < ARRAY_SIZE(blocks); i++)
		if (scan_word_is(s, blocks[i]))
			n->kind = (enum node_kind)i;
	if (n->kind != NODE_PIPE)
		return parse_block(s, n, e);
	r = parse_pipe(s, &n->pipe, TOK_CLOSE, e);
	if (r == 0 && n->pipe->var_count == 2)
		r = fail(s, e, "only range has two variables");
	return r;
}

/* Text and actions up to the end, an {{end}} or an {{else}}. */
static int parse_list(struct scan *s, struct node **out, enum stop *stop,
		      struct err *e)
{
	struct node **last = out;
	bool more;
	int r;

	*stop = STOP_EOF;
	do {
		more = scan_text(s);
		if (s->len) {
			struct node *n = mem_new(struct node);

			*n = (struct node){
				.kind = NODE_TEXT,
				.text = mem_strn(s->at, s->len),
				.len = s->len,
			};
			*last = n;
			last = &n->next;
		}
		if (!more)
			return 0;
		r = parse_action(s, last, stop, e);
		if (r < 0)
			return r;
		if (*last)
			last = &(*last)->next;
	} while (*stop == STOP_EOF);
	return 0;
}

int template_parse(struct template **out, const char *text, struct err *e)
{
	AUTO(template) struct template *t = mem_new(struct template);
	AUTO(scan) struct scan s = SCAN_INIT(text);
	enum stop stop;
	int r;

	if (strlen(text) > MAX_TMPL_TEXT)
		return err_set(e, EFBIG, "template: longer than %zu bytes",
			       MAX_TMPL_TEXT);
	r = parse_list(&s, &t->nodes, &stop, e);
	if (r < 0)
		return r;
	if (stop != STOP_EOF)
		return fail(&s, e, "{{end}} or {{else}} without a block");
	*out = take(t);
	return 0;
}
