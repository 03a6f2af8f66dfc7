/* The command line of every program here. */
#include "bin/cmd.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/base/str.h"

/* How many words of argv are the name, or 0. */
static int name_words(const char *name, char **argv, int argc)
{
	int words = 0;

	while (*name) {
		size_t len = strcspn(name, " ");

		if (words == argc || strlen(argv[words]) != len ||
		    strncmp(argv[words], name, len) != 0)
			return 0;
		words++;
		name += len + (name[len] == ' ');
	}
	return words;
}

const struct cmd *cmd_find(char **argv, int argc, int *words)
{
	const struct cmd *best = NULL;

	*words = 0;
	for (size_t i = 0; cmd_table[i]; i++) {
		const char *const *alias = cmd_table[i]->aliases;
		int n = name_words(cmd_table[i]->name, argv, argc);

		for (; alias && *alias; alias++) {
			int m = name_words(*alias, argv, argc);

			n = m > n ? m : n;
		}
		if (n > *words) {
			best = cmd_table[i];
			*words = n;
		}
	}
	return best;
}

int opt_each(const struct opt *opts, size_t base, opt_fn *fn, void *arg)
{
	int r = 0;

	for (; opts && opts->kind != OPT_END && !r; opts++) {
		if (opts->kind == OPT_OPTS)
			r = opt_each(opts->opts, base + opts->offset, fn, arg);
		else
			r = fn(opts, base, arg);
	}
	return r;
}

struct search {
	const char *name;		/* or NULL: by letter */
	size_t len;
	char letter;
	const struct opt *found;
	size_t base;
};

static int match_opt(const struct opt *o, size_t base, void *arg)
{
	struct search *s = arg;

	if (s->name ? strlen(o->name) != s->len || strncmp(o->name, s->name, s->len) != 0 :
		      o->letter != s->letter || !o->letter)
		return 0;
	s->found = o;
	s->base = base;
	return 1;
}

struct parse {
	const struct cmd *cmd;
	char *args;
	char **argv;
	int argc;
	int at;
	struct err *e;
};

static bool is_choice(const char *choices, const char *value)
{
	size_t len = strlen(value);

	for (const char *p = choices; *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");

		if (n == len && !strncmp(p, value, len))
			return true;
		p += n;
	}
	return false;
}

/* An option as people typed it, for messages. */
static const char *shown(const struct search *s, char out[static 64])
{
	if (s->name)
		snprintf(out, 64, "--%.*s", (int)s->len, s->name);
	else
		snprintf(out, 64, "-%c", s->letter);
	return out;
}

static int set_flag(struct parse *p, const struct search *s, const char *value)
{
	bool *flag = (bool *)(void *)(p->args + s->base + s->found->offset);
	char name[64];

	if (!value || str_eq(value, "true") || str_eq(value, "1"))
		*flag = !s->found->clears;
	else if (str_eq(value, "false") || str_eq(value, "0"))
		*flag = s->found->clears;
	else
		return err_set(p->e, EINVAL, "%s: '%s' is neither true nor false",
			       shown(s, name), value);
	return 0;
}

static int set_value(struct parse *p, const struct search *s, char *value)
{
	void *field = p->args + s->base + s->found->offset;
	char name[64];

	if (s->found->kind == OPT_CHOICE && !is_choice(s->found->choices, value))
		return err_set(p->e, EINVAL, "%s: '%s' is not one of: %s",
			       shown(s, name), value, s->found->choices);
	if (s->found->kind == OPT_LIST)
		strv_add(field, value);
	else
		*(const char **)field = value;
	return 0;
}

static int apply(struct parse *p, struct search *s, char *value)
{
	char name[64];

	if (!opt_each(p->cmd->opts, 0, match_opt, s))
		return err_set(p->e, EINVAL, "%s: no such option", shown(s, name));
	if (s->found->kind == OPT_REFUSE)
		return err_set(p->e, EOPNOTSUPP, "--%s is not supported: %s",
			       s->found->name, s->found->choices);
	if (s->found->kind == OPT_FLAG)
		return set_flag(p, s, value);
	if (!value && p->at == p->argc)
		return err_set(p->e, EINVAL, "%s: %s is missing",
			       shown(s, name), s->found->arg);
	return set_value(p, s, value ? value : p->argv[p->at++]);
}

static bool is_help(const struct cmd *c, const struct search *s)
{
	struct search own = *s;

	if (s->name)
		return s->len == 4 && !strncmp(s->name, "help", 4);
	return s->letter == 'h' && !opt_each(c->opts, 0, match_opt, &own);
}

/* "-itv/a:/b": letters without argument, the last one may take the rest. */
static int parse_letters(struct parse *p, char *text)
{
	for (char *l = text; *l;) {
		struct search s = { .letter = *l++ };
		char *value = NULL;
		int r;

		if (is_help(p->cmd, &s))
			return 1;
		if (opt_each(p->cmd->opts, 0, match_opt, &s) &&
		    (s.found->kind != OPT_FLAG ? *l : *l == '=')) {
			value = l + (*l == '=');
			l += strlen(l);
		}
		r = apply(p, &s, value);
		if (r)
			return r;
	}
	return 0;
}

static int parse_long(struct parse *p, char *text)
{
	char *equals = strchr(text, '=');
	struct search s = {
		.name = text,
		.len = equals ? (size_t)(equals - text) : strlen(text),
	};

	if (is_help(p->cmd, &s))
		return 1;
	return apply(p, &s, equals ? equals + 1 : NULL);
}

static int check_count(const struct cmd *c, int count, char **operands, struct err *e)
{
	if (count < c->min)
		return err_set(e, EINVAL, "%s is missing", c->operands);
	if (c->max >= 0 && count > c->max)
		return err_set(e, EINVAL, "'%s' is one argument too many",
			       operands[c->max]);
	return 0;
}

int cmd_parse(const struct cmd *c, void *args, char **argv, int argc,
	      char ***operands, int *count, struct err *e)
{
	struct parse p = { .cmd = c, .args = args, .argv = argv, .argc = argc, .e = e };
	int kept = 0;
	int r;

	while (p.at < argc) {
		char *word = argv[p.at++];

		if (word[0] != '-' || !word[1]) {
			argv[kept++] = word;
			if (c->stop_at_operand)
				break;
			continue;
		}
		if (str_eq(word, "--"))
			break;
		r = word[1] == '-' ? parse_long(&p, word + 2) : parse_letters(&p, word + 1);
		if (r)
			return r;
	}
	/* kept never overtakes at: what is left moves towards the front. */
	while (p.at < argc)
		argv[kept++] = argv[p.at++];
	*operands = argv;
	*count = kept;
	return check_count(c, kept, argv, e);
}
