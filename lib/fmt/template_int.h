/* template_int.h - what the parts of the template interpreter share: the
 * parsed form, the state of one run, and the functions.
 *
 * A value is a json_t that the holder has a reference to; NULL is "no value",
 * which is what a map gives for a key that is not there.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/strv.h"

struct func;
struct pipe;

enum term_kind { TERM_DOT, TERM_VAR, TERM_VALUE, TERM_FUNC, TERM_PIPE };

struct term {
	enum term_kind kind;
	char *var;			/* TERM_VAR: "" is $ */
	json_t *value;			/* TERM_VALUE; NULL is nil */
	const struct func *func;
	struct pipe *pipe;		/* in parentheses */
	struct strv fields;		/* that follow: .A.B */
	struct term *next;
};

struct command {
	struct term *terms;		/* a function and its arguments, or a value */
	struct command *next;
};

struct pipe {
	char *vars[2];
	size_t var_count;
	bool assign;			/* = and not := */
	struct command *commands;
};

enum node_kind { NODE_TEXT, NODE_PIPE, NODE_IF, NODE_WITH, NODE_RANGE };

struct node {
	enum node_kind kind;
	unsigned line;
	char *text;			/* NODE_TEXT, len bytes */
	size_t len;
	struct pipe *pipe;
	struct node *body;
	struct node *other;		/* else */
	struct node *next;
};

struct template {
	struct node *nodes;
};

struct run_var {
	const char *name;
	json_t *value;
};

struct run {
	struct buf *out;
	size_t start;			/* of out, before us */
	json_t *root;			/* borrowed: $ */
	struct run_var *vars;
	size_t var_count;
	uint64_t steps;
	bool headers;
};

/* Functions take their arguments borrowed and give a reference, or NULL. */
typedef int func_fn(struct run *r, json_t **args, size_t count, json_t **out,
		    struct err *e);

enum func_kind {
	FUNC_PLAIN,
	FUNC_TEXT,			/* leaves a header as it is */
	FUNC_AND,			/* these see only the arguments they need */
	FUNC_OR,
};

struct func {
	const char *name;
	enum func_kind kind;
	func_fn *fn;
	size_t min;			/* arguments */
	size_t max;
};

#define MAX_ARGS 16

/* --- template_func.c --- */

const struct func *func_find(const char *name);		/* NULL: none */
int func_label(struct run *r, json_t *row, const char *key, json_t **out,
	       struct err *e) MUST_CHECK;
int func_index(struct run *r, json_t **args, size_t count, json_t **out,
	       struct err *e) MUST_CHECK;

/* --- template_value.c --- */

/* Counts work; -E2BIG when a template does too much of it. */
int run_charge(struct run *r, size_t work, struct err *e) MUST_CHECK;

const char *value_type(const json_t *v);		/* "string", for messages */
bool value_is_true(const json_t *v);
bool value_is_struct(const json_t *v);			/* else a map */

/* The keys of an object, sorted; the strings are the object's own. */
const char **value_keys(const json_t *object, size_t *count) MUST_CHECK;

/* As Go's %v does. */
int value_print(struct run *r, const json_t *v, struct buf *b,
		struct err *e) MUST_CHECK;

/* printf; args are what follows the format. */
int value_printf(struct run *r, const char *fmt, json_t **args, size_t count,
		 struct buf *b, struct err *e) MUST_CHECK;

/* A string value of the bytes of b. */
int value_text(struct run *r, const struct buf *b, json_t **out,
	       struct err *e) MUST_CHECK;

static inline void value_auto(json_t **v)
{
	json_decref(*v);
	*v = NULL;
}
