/* From tree to text: walks the nodes with a dot and a stack of variables. */
#include "lib/fmt/template.h"

#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/template_int.h"

static void vars_cut(struct run *r, size_t count)
{
	while (r->var_count > count)
		value_auto(&r->vars[--r->var_count].value);
}

static void run_auto(struct run *r)
{
	vars_cut(r, 0);
	free(r->vars);
}

static struct run_var *find_var(struct run *r, const char *name)
{
	for (size_t i = r->var_count; i; i--)
		if (str_eq(r->vars[i - 1].name, name))
			return &r->vars[i - 1];
	return NULL;
}

static void declare(struct run *r, const char *name, json_t *value)
{
	r->vars = mem_grow(r->vars, r->var_count + 1, sizeof(*r->vars));
	r->vars[r->var_count++] = (struct run_var){
		.name = name,
		.value = json_incref(value),
	};
}

static int set_vars(struct run *r, const struct pipe *p, json_t *value,
		    struct err *e)
{
	struct run_var *v;

	for (size_t i = 0; i < p->var_count; i++) {
		if (!p->assign) {
			declare(r, p->vars[i], value);
			continue;
		}
		v = find_var(r, p->vars[i]);
		if (!v)
			return err_set(e, EINVAL, "template: undefined variable $%s",
				       p->vars[i]);
		json_decref(v->value);
		v->value = json_incref(value);
	}
	return 0;
}

static int eval_pipe(struct run *r, const struct pipe *p, json_t *dot,
		     json_t **out, struct err *e);

static int eval_field(json_t *v, const char *name, json_t **out, struct err *e)
{
	json_t *item = json_object_get(v, name);

	if (!v || json_is_null(v))
		return err_set(e, EINVAL, "template: nil data; no field %s", name);
	if (!json_is_object(v) || (!item && value_is_struct(v)))
		return err_set(e, EINVAL, "template: can't evaluate field %s in type %s",
			       name, value_type(v));
	*out = json_incref(item);
	return 0;
}

/* A value with the first so many of its fields. */
static int eval_term(struct run *r, const struct term *t, json_t *dot,
		     size_t fields, json_t **out, struct err *e)
{
	AUTO(value) json_t *v = NULL;
	const struct run_var *var;
	int ret = run_charge(r, 1, e);

	if (ret < 0)
		return ret;
	switch (t->kind) {
	case TERM_DOT:
		v = json_incref(dot);
		break;
	case TERM_VALUE:
		v = json_incref(t->value);
		break;
	case TERM_VAR:
		var = find_var(r, t->var);
		if (!var && *t->var)
			return err_set(e, EINVAL, "template: undefined variable $%s",
				       t->var);
		v = json_incref(var ? var->value : r->root);
		break;
	case TERM_PIPE:
		ret = eval_pipe(r, t->pipe, dot, &v, e);
		break;
	case TERM_FUNC:
		if (t->func->min)
			ret = err_set(e, EINVAL, "template: wrong number of arguments for %s",
				      t->func->name);
		else
			ret = t->func->fn(r, NULL, 0, &v, e);
		break;
	}
	for (size_t i = 0; i < fields && ret == 0; i++) {
		json_t *item = NULL;

		ret = eval_field(v, t->fields.v[i], &item, e);
		json_decref(v);
		v = item;
	}
	if (ret == 0)
		*out = take(v);
	return ret;
}

/* and, or: the first argument that decides, or the last. */
static int eval_lazy(struct run *r, const struct command *c, json_t *dot,
		     json_t *final, bool has_final, json_t **out, struct err *e)
{
	bool until = c->terms->func->kind == FUNC_OR;
	AUTO(value) json_t *v = NULL;
	int ret;

	for (const struct term *t = c->terms->next; t; t = t->next) {
		value_auto(&v);
		ret = eval_term(r, t, dot, t->fields.len, &v, e);
		if (ret < 0)
			return ret;
		if (value_is_true(v) == until) {
			*out = take(v);
			return 0;
		}
	}
	*out = has_final ? json_incref(final) : take(v);
	return 0;
}

static int eval_function(struct run *r, const struct command *c, json_t *dot,
			 json_t *final, bool has_final, json_t **out,
			 struct err *e)
{
	const struct func *f = c->terms->func;
	json_t *args[MAX_ARGS + 1] = { NULL };
	size_t count = 0;
	int ret = 0;

	for (const struct term *t = c->terms->next; t; t = t->next)
		count++;
	count += has_final;
	if (count < f->min || count > f->max)
		return err_set(e, EINVAL, "template: wrong number of arguments for %s",
			       f->name);
	if (f->kind == FUNC_AND || f->kind == FUNC_OR)
		return eval_lazy(r, c, dot, final, has_final, out, e);
	count = 0;
	for (const struct term *t = c->terms->next; t && ret == 0; t = t->next)
		ret = eval_term(r, t, dot, t->fields.len, &args[count++], e);
	if (has_final)
		args[count++] = json_incref(final);
	if (ret == 0 && r->headers && f->kind == FUNC_TEXT)
		*out = json_incref(args[0]);
	else if (ret == 0)
		ret = f->fn(r, args, count, out, e);
	for (size_t i = 0; i < count; i++)
		value_auto(&args[i]);
	return ret;
}

/* .Label "key", the one method. */
static int eval_method(struct run *r, const struct command *c, json_t *dot,
		       json_t *final, bool has_final, json_t **out,
		       struct err *e)
{
	const struct term *t = c->terms;
	size_t fields = t->fields.len;
	AUTO(value) json_t *row = NULL;
	AUTO(value) json_t *key = NULL;
	int ret;

	if (!fields || !str_eq(t->fields.v[fields - 1], "Label") ||
	    (t->next && (t->next->next || has_final)))
		return err_set(e, EINVAL, "template: an argument for what is no function");
	ret = eval_term(r, t, dot, fields - 1, &row, e);
	if (ret < 0)
		return ret;
	if (t->next)
		ret = eval_term(r, t->next, dot, t->next->fields.len, &key, e);
	else
		key = json_incref(final);
	if (ret < 0)
		return ret;
	if (!json_is_string(key))
		return err_set(e, EINVAL, "template: Label wants a string");
	return func_label(r, row, json_string_value(key), out, e);
}

static int eval_command(struct run *r, const struct command *c, json_t *dot,
			json_t *final, bool has_final, json_t **out,
			struct err *e)
{
	const struct term *t = c->terms;

	if (t->kind == TERM_FUNC)
		return eval_function(r, c, dot, final, has_final, out, e);
	if (t->next || has_final)
		return eval_method(r, c, dot, final, has_final, out, e);
	return eval_term(r, t, dot, t->fields.len, out, e);
}

/* The value of a pipeline; its variables are not set. */
static int eval_commands(struct run *r, const struct pipe *p, json_t *dot,
			 json_t **out, struct err *e)
{
	AUTO(value) json_t *v = NULL;

	for (const struct command *c = p->commands; c; c = c->next) {
		json_t *result = NULL;
		int ret = eval_command(r, c, dot, v, c != p->commands, &result, e);

		json_decref(v);
		v = result;
		if (ret < 0)
			return ret;
	}
	*out = take(v);
	return 0;
}

static int eval_pipe(struct run *r, const struct pipe *p, json_t *dot,
		     json_t **out, struct err *e)
{
	AUTO(value) json_t *v = NULL;
	int ret = eval_commands(r, p, dot, &v, e);

	if (ret == 0)
		ret = set_vars(r, p, v, e);
	if (ret == 0)
		*out = take(v);
	return ret;
}

static int run_list(struct run *r, const struct node *n, json_t *dot,
		    struct err *e);

/* One round of a range. */
static int run_round(struct run *r, const struct node *n, json_t *key,
		     json_t *item, struct err *e)
{
	const struct pipe *p = n->pipe;
	size_t mark = r->var_count;
	int ret;

	if (p->var_count == 2) {
		declare(r, p->vars[0], key);
		declare(r, p->vars[1], item);
	} else if (p->var_count) {
		declare(r, p->vars[0], item);
	}
	ret = run_charge(r, 1, e);
	if (ret == 0)
		ret = run_list(r, n->body, item, e);
	vars_cut(r, mark);
	return ret;
}

static int range_list(struct run *r, const struct node *n, json_t *list,
		      struct err *e)
{
	int ret = 0;

	for (size_t i = 0; i < json_array_size(list) && ret == 0; i++) {
		AUTO(value) json_t *key = json_integer((json_int_t)i);

		ret = run_round(r, n, key, json_array_get(list, i), e);
	}
	return ret;
}

static int range_map(struct run *r, const struct node *n, json_t *map,
		     struct err *e)
{
	size_t count;
	AUTO_FREE const char **keys = value_keys(map, &count);
	int ret = 0;

	for (size_t i = 0; i < count && ret == 0; i++) {
		AUTO(value) json_t *key = json_string_nocheck(keys[i]);

		ret = run_round(r, n, key, json_object_get(map, keys[i]), e);
	}
	return ret;
}

static int range_number(struct run *r, const struct node *n, json_t *end,
			struct err *e)
{
	int ret = 0;

	for (json_int_t i = 0; i < json_integer_value(end) && ret == 0; i++) {
		AUTO(value) json_t *key = json_integer(i);

		ret = run_round(r, n, key, key, e);
	}
	return ret;
}

static int run_range(struct run *r, const struct node *n, json_t *dot,
		     struct err *e)
{
	AUTO(value) json_t *v = NULL;
	int ret = eval_commands(r, n->pipe, dot, &v, e);

	if (ret < 0)
		return ret;
	/* "" is what index gives for a key that an empty map lacks. */
	if (!value_is_true(v) && !json_is_boolean(v) && !json_is_real(v))
		return run_list(r, n->other, dot, e);
	if (json_is_array(v))
		return range_list(r, n, v, e);
	if (json_is_object(v) && !value_is_struct(v))
		return range_map(r, n, v, e);
	if (json_is_integer(v))
		return range_number(r, n, v, e);
	return err_set(e, EINVAL, "template: range can't iterate over a %s",
		       value_type(v));
}

static int run_print(struct run *r, const struct node *n, json_t *dot,
		     struct err *e)
{
	AUTO(value) json_t *v = NULL;
	int ret = eval_pipe(r, n->pipe, dot, &v, e);

	if (ret == 0 && !n->pipe->var_count)
		ret = value_print(r, v, r->out, e);
	return ret;
}

static int run_node(struct run *r, const struct node *n, json_t *dot,
		    struct err *e)
{
	AUTO(value) json_t *v = NULL;
	int ret;

	switch (n->kind) {
	case NODE_TEXT:
		buf_add(r->out, n->text, n->len);
		return 0;
	case NODE_PIPE:
		return run_print(r, n, dot, e);
	case NODE_RANGE:
		return run_range(r, n, dot, e);
	case NODE_IF:
	case NODE_WITH:
		break;
	}
	ret = eval_pipe(r, n->pipe, dot, &v, e);
	if (ret < 0)
		return ret;
	if (!value_is_true(v))
		return run_list(r, n->other, dot, e);
	return run_list(r, n->body, n->kind == NODE_WITH ? v : dot, e);
}

static int run_list(struct run *r, const struct node *n, json_t *dot,
		    struct err *e)
{
	int ret = 0;

	for (; n && ret == 0; n = n->next) {
		/* The variables of a block end with it; those of a plain
		 * action live to the end of the list. */
		size_t mark = r->var_count;

		ret = run_charge(r, 1, e);
		if (ret == 0)
			ret = run_node(r, n, dot, e);
		if (n->kind != NODE_PIPE)
			vars_cut(r, mark);
		if (ret == 0)
			ret = buf_ok(r->out, "template: the output", e);
		if (ret == 0 && r->out->len - r->start > MAX_TMPL_OUTPUT)
			ret = err_set(e, EFBIG, "template: the output is too long");
	}
	return ret;
}

static int run_all(const struct template *t, json_t *dot, struct buf *out,
		   bool headers, struct err *e)
{
	AUTO(run) struct run r = {
		.out = out,
		.start = out->len,
		.root = dot,
		.headers = headers,
	};

	return run_list(&r, t->nodes, dot, e);
}

int template_run(const struct template *t, json_t *dot, struct buf *out,
		 struct err *e)
{
	return run_all(t, dot, out, false, e);
}

int template_run_headers(const struct template *t, json_t *dot,
			 struct buf *out, struct err *e)
{
	return run_all(t, dot, out, true, e);
}
