#include "bin/doc.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/str.h"

#define WIDTH 79
#define HELP_COLUMN 28

/* Text broken at blanks to WIDTH, its lines after the first indented. */
static void wrap(struct buf *out, const char *text, size_t column, size_t indent)
{
	while (*text) {
		size_t len = strcspn(text, " \n");

		if (column > indent && column + len > WIDTH) {
			buf_addf(out, "\n%*s", (int)indent, "");
			column = indent;
		}
		buf_add(out, text, len);
		column += len;
		text += len;
		if (*text == '\n') {
			buf_addf(out, "\n%*s", (int)indent, "");
			column = indent;
			text++;
		}
		if (*text == ' ') {
			buf_addc(out, ' ');
			column++;
			text++;
		}
	}
	buf_addc(out, '\n');
}

/* "-q, --quiet" or "    --platform OS/ARCH" */
static void signature(const struct opt *o, struct buf *out)
{
	if (o->letter)
		buf_addf(out, "-%c, ", o->letter);
	else
		buf_adds(out, "    ");
	buf_addf(out, "--%s", o->name);
	if (o->kind == OPT_CHOICE) {
		buf_addc(out, ' ');
		for (const char *p = o->choices; *p; p++)
			buf_addc(out, *p == ' ' ? '|' : *p);
	} else if (o->arg) {
		buf_addf(out, " %s", o->arg);
	}
}

static int help_opt(const struct opt *o, size_t base UNUSED, void *arg)
{
	AUTO(buf) struct buf left = BUF_INIT(KIB(4));
	struct buf *out = arg;
	size_t column;

	if (!o->help)
		return 0;
	signature(o, &left);
	buf_addf(out, "  %s", left.data);
	column = 2 + left.len;
	if (column + 2 > HELP_COLUMN) {
		buf_addc(out, '\n');
		column = 0;
	}
	buf_addf(out, "%*s", (int)(HELP_COLUMN - column), "");
	wrap(out, o->help, HELP_COLUMN, HELP_COLUMN);
	return 0;
}

static void usage_line(const struct cmd *c, struct buf *out)
{
	buf_addf(out, "%s %s", cmd_program.name, c->name);
	if (c->opts && c->opts->kind != OPT_END)
		buf_adds(out, " [OPTION]...");
	if (c->operands)
		buf_addf(out, " %s", c->operands);
}

static void examples(const struct cmd *c, struct buf *out)
{
	const char *p = c->example;

	while (p && *p) {
		size_t len = strcspn(p, "\n");

		buf_addf(out, "  $ %.*s\n", (int)len, p);
		p += len + (p[len] == '\n');
	}
}

void doc_help(const struct cmd *c, struct buf *out)
{
	buf_adds(out, "usage: ");
	usage_line(c, out);
	buf_adds(out, "\n\n");
	wrap(out, c->about ? c->about : c->summary, 0, 0);
	if (c->aliases) {
		buf_adds(out, "\nAlso: ");
		for (const char *const *a = c->aliases; *a; a++)
			buf_addf(out, "%s%s", a == c->aliases ? "" : ", ", *a);
		buf_addc(out, '\n');
	}
	if (c->opts && c->opts->kind != OPT_END) {
		buf_adds(out, "\nOptions:\n");
		opt_each(c->opts, 0, help_opt, out);
	}
	if (c->example) {
		buf_adds(out, "\nExamples:\n");
		examples(c, out);
	}
}

static void list_line(const char *name, const struct cmd *c, struct buf *out)
{
	buf_addf(out, "  %-18s  %s\n", name, c->summary);
}

void doc_overview(struct buf *out)
{
	const struct cmd_program *p = &cmd_program;

	buf_addf(out, "usage: %s [OPTION]... COMMAND [ARG...]\n\n%c%s.\n\nCommands:\n", p->name,
		 p->summary[0] - 'a' + 'A', p->summary + 1);
	for (size_t i = 0; cmd_table[i]; i++)
		if (!cmd_table[i]->hidden)
			list_line(cmd_table[i]->name, cmd_table[i], out);
	buf_addf(out, "\nOptions:\n%s\n%s\n", p->options, p->more);
}

static bool is_in_group(const char *name, const char *word)
{
	return str_starts(name, word) && name[strlen(word)] == ' ';
}

/* By the name in the group, which may be another one: "image ls" is images. */
static const char *name_in_group(const struct cmd *c, const char *word)
{
	const char *const *alias = c->aliases;

	if (is_in_group(c->name, word))
		return c->name;
	while (alias && *alias && !is_in_group(*alias, word))
		alias++;
	return alias ? *alias : NULL;
}

bool doc_group(const char *word, struct buf *out)
{
	bool is_group = false;

	for (size_t i = 0; cmd_table[i]; i++) {
		const char *name = cmd_table[i]->hidden ? NULL : name_in_group(cmd_table[i], word);

		if (name && !is_group)
			buf_addf(out, "usage: %s %s COMMAND [ARG...]\n\nCommands:\n",
				 cmd_program.name, word);
		is_group |= name != NULL;
		if (name)
			list_line(name, cmd_table[i], out);
	}
	return is_group;
}

/* Text for roff: a leading dot or quote is text, and so is every backslash. */
static void roff(struct buf *out, const char *text)
{
	bool start = true;

	for (; *text; text++) {
		if (start && (*text == '.' || *text == '\''))
			buf_adds(out, "\\&");
		if (*text == '\\')
			buf_adds(out, "\\e");
		else if (*text == '-')
			buf_adds(out, "\\-");
		else
			buf_addc(out, *text);
		start = *text == '\n';
	}
}

static int man_opt(const struct opt *o, size_t base UNUSED, void *arg)
{
	AUTO(buf) struct buf left = BUF_INIT(KIB(4));
	struct buf *out = arg;

	if (!o->help)
		return 0;
	signature(o, &left);
	buf_adds(out, ".TP\n.B ");
	roff(out, left.data + strspn(left.data, " "));
	buf_addc(out, '\n');
	roff(out, o->help);
	buf_addc(out, '\n');
	return 0;
}

static void man_title(const char *name, const char *summary, struct buf *out)
{
	buf_adds(out, ".TH \"");
	for (const char *p = name; *p; p++)
		buf_addc(out, *p == ' ' ? '-' : *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p);
	buf_addf(out, "\" 1 \"\" \"Coracle %s\" \"Coracle manual\"\n.SH NAME\n", VERSION);
	for (const char *p = name; *p; p++)
		buf_adds(out, *p == ' ' || *p == '-' ? "\\-" : (char[]){ *p, 0 });
	buf_adds(out, " \\- ");
	roff(out, summary);
	buf_addc(out, '\n');
}

static void man_overview(struct buf *out)
{
	const struct cmd_program *p = &cmd_program;

	man_title(p->name, p->summary, out);
	buf_addf(out, ".SH SYNOPSIS\n.B %s\n[OPTION]... COMMAND [ARG...]\n.SH COMMANDS\n",
		 p->name);
	for (size_t i = 0; cmd_table[i]; i++) {
		if (cmd_table[i]->hidden)
			continue;
		buf_addf(out, ".TP\n.B %s\n", cmd_table[i]->name);
		roff(out, cmd_table[i]->summary);
		buf_addc(out, '\n');
	}
	buf_adds(out, ".SH OPTIONS\n.nf\n");
	roff(out, p->options);
	buf_addf(out, ".fi\n.SH EXIT STATUS\n%s.SH FILES\n%s", p->exit_status, p->files);
}

void doc_man(const struct cmd *c, struct buf *out)
{
	char name[128];

	if (!c) {
		man_overview(out);
		return;
	}
	snprintf(name, sizeof(name), "%s %s", cmd_program.name, c->name);
	man_title(name, c->summary, out);
	buf_adds(out, ".SH SYNOPSIS\n");
	usage_line(c, out);
	buf_adds(out, "\n.SH DESCRIPTION\n");
	roff(out, c->about ? c->about : c->summary);
	buf_addc(out, '\n');
	if (c->opts && c->opts->kind != OPT_END) {
		buf_adds(out, ".SH OPTIONS\n");
		opt_each(c->opts, 0, man_opt, out);
	}
	if (c->example) {
		AUTO(buf) struct buf text = BUF_INIT(KIB(16));

		examples(c, &text);
		buf_adds(out, ".SH EXAMPLES\n.nf\n");
		roff(out, text.data);
		buf_adds(out, ".fi\n");
	}
}

static void json_text(struct buf *out, const char *s)
{
	buf_addc(out, '"');
	for (; s && *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_addf(out, "\\%c", *s);
		else if (*s == '\n')
			buf_adds(out, "\\n");
		else
			buf_addc(out, *s);
	}
	buf_addc(out, '"');
}

static int json_opt(const struct opt *o, size_t base UNUSED, void *arg)
{
	struct buf *out = arg;
	char letter[2] = { o->letter, '\0' };

	if (!o->help)
		return 0;
	if (out->data[out->len - 1] == '}')
		buf_addc(out, ',');
	buf_adds(out, "{\"name\":");
	json_text(out, o->name);
	buf_adds(out, ",\"letter\":");
	json_text(out, letter);
	buf_adds(out, ",\"argument\":");
	json_text(out, o->arg);
	buf_adds(out, ",\"help\":");
	json_text(out, o->help);
	buf_addc(out, '}');
	return 0;
}

void doc_json(struct buf *out)
{
	for (size_t i = 0; cmd_table[i]; i++) {
		const struct cmd *c = cmd_table[i];

		if (c->hidden)
			continue;
		buf_adds(out, "{\"name\":");
		json_text(out, c->name);
		buf_adds(out, ",\"summary\":");
		json_text(out, c->summary);
		buf_adds(out, ",\"operands\":");
		json_text(out, c->operands);
		buf_adds(out, ",\"options\":[");
		opt_each(c->opts, 0, json_opt, out);
		buf_adds(out, "]}\n");
	}
}
