/* template_scan.h - the words of a template, for its parser.
 *
 * scan_text() gives the text before the next action and moves behind its
 * opening braces; then scan_next() gives the tokens up to TOK_CLOSE or
 * TOK_COMMENT, which stand for the closing braces too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/limits.h"

enum token {
	TOK_CLOSE,
	TOK_COMMENT,
	TOK_WORD,
	TOK_VAR,			/* at: the name behind the $ */
	TOK_DOT,
	TOK_FIELD,			/* at: the name behind the dot */
	TOK_TEXT,			/* text: its value */
	TOK_CHAR,			/* rune: its value */
	TOK_NUMBER,
	TOK_PIPE,
	TOK_COMMA,
	TOK_DECLARE,
	TOK_ASSIGN,
	TOK_OPEN_PAREN,
	TOK_CLOSE_PAREN,
};

struct scan {
	const char *p;			/* what is not read yet */
	unsigned line;
	unsigned depth;			/* the parser's */
	bool trim;			/* the last action ended in -}} */

	enum token tok;
	bool spaced;			/* a blank stood before it */
	const char *at;
	size_t len;
	struct buf text;
	unsigned rune;
};

#define SCAN_INIT(t) { .p = (t), .line = 1, .text = BUF_INIT(MAX_TMPL_TEXT) }

/* Text is at, len; false: no action follows. */
bool scan_text(struct scan *s);

int scan_next(struct scan *s, struct err *e) MUST_CHECK;

/* Goes back to a copy made at an earlier token of the same action. */
void scan_back(struct scan *s, const struct scan *to);

/* Is the current token, a word, this one? */
bool scan_word_is(const struct scan *s, const char *word);

static inline void scan_auto(struct scan *s)
{
	buf_clear(&s->text);
}
