/* cmd.h - what a subcommand is, and everything that is read from that.
 *
 * One command is one file bin/cmd_X.c with one `const struct cmd cmd_X`, and
 * one line in bin/commands.h.  Parsing, -h, the manual page, completion in
 * three shells and the JSON dump read that entry; nothing is written twice.
 *
 * Option values land in the command's own args struct, by offset: bool for
 * FLAG, const char * for TEXT and CHOICE, struct strv for LIST.  Texts point
 * into argv.  Values are checked by the command when they need more than a
 * list of choices.
 *
 * Commands of coracle-image have run == NULL in coracle, which then executes
 * coracle-image with the same arguments.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/strv.h"

struct app;

/* What a word on the command line stands for: drives completion. */
enum word {
	WORD_ANY, WORD_FILE, WORD_DIR, WORD_IMAGE, WORD_CONTAINER, WORD_RUNNING,
	WORD_VOLUME, WORD_NAMESPACE, WORD_COMMAND, WORD_SHELL,
};

enum opt_kind { OPT_END, OPT_FLAG, OPT_TEXT, OPT_LIST, OPT_CHOICE, OPT_OPTS, OPT_REFUSE };

struct opt {
	enum opt_kind kind;
	size_t offset;			/* of the value in the args struct */
	char letter;			/* 0: none */
	const char *name;		/* without the dashes */
	const char *arg;		/* "OS/ARCH"; NULL: no argument */
	enum word word;
	const char *choices;		/* "always missing newer" */
	const char *help;		/* NULL: hidden */
	const struct opt *opts;		/* OPT_OPTS: a shared group */
	bool clears;			/* OPT_FLAG: the field is what it is not */
};

#define FLAG(type, field, l, n, h) \
	{ .kind = OPT_FLAG, .offset = offsetof(type, field), .letter = l, .name = n, .help = h }
/* One that is on unless it is given as --NAME=false. */
#define FLAG_ON(type, off_field, l, n, h) \
	{ .kind = OPT_FLAG, .offset = offsetof(type, off_field), .letter = l, .name = n, \
	  .help = h, .clears = true }
#define TEXT(type, field, l, n, a, w, h) \
	{ .kind = OPT_TEXT, .offset = offsetof(type, field), .letter = l, .name = n, \
	  .arg = a, .word = w, .help = h }
#define LIST(type, field, l, n, a, w, h) \
	{ .kind = OPT_LIST, .offset = offsetof(type, field), .letter = l, .name = n, \
	  .arg = a, .word = w, .help = h }
#define CHOICE(type, field, l, n, c, h) \
	{ .kind = OPT_CHOICE, .offset = offsetof(type, field), .letter = l, .name = n, \
	  .arg = c, .choices = c, .help = h }
#define OPTS(type, field, group) \
	{ .kind = OPT_OPTS, .offset = offsetof(type, field), .opts = group }
/* A flag users know from elsewhere and we do not have: refused by name. */
#define REFUSE(n, why) { .kind = OPT_REFUSE, .name = n, .choices = why }

enum program { PROGRAM_CORACLE, PROGRAM_IMAGE };

/* Returns the exit status, or a negative errno with e set. */
typedef int cmd_fn(struct app *app, void *args, char **operands, int count, struct err *e);

struct cmd {
	const char *name;		/* "image prune" */
	const char *const *aliases;	/* NULL-ended; NULL: none */
	const char *summary;		/* one line, no full stop */
	const char *operands;		/* "IMAGE [COMMAND [ARG...]]" */
	enum word operand_word;
	int min, max;			/* operands; max -1: any number */
	bool stop_at_operand;		/* the rest is another program's */
	const char *about;		/* paragraphs for -h and the manual */
	const char *example;		/* lines; shown after "  $ " */
	const struct opt *opts;
	size_t args_size;
	void (*clear)(void *args);	/* releases lists; NULL: none */
	enum program program;
	bool hidden;
	int fail_status;		/* 0: the usual 1 (usage: 2) */
	cmd_fn *run;
};

/* Each program has its own: coracle and coracle-image share the one of
 * bin/cmd.c, coracle-oci's is in bin/oci_main.c.  NULL-ended, in the order of
 * the help. */
extern const struct cmd *const cmd_table[];

extern const struct cmd_program {
	const char *name;
	const char *summary;		/* lower case, no full stop */
	const char *options;		/* the global ones, as the help shows them */
	const char *more;		/* where to read on */
	const char *exit_status;	/* paragraphs of the manual page: text, */
	const char *files;		/* and roff */
} cmd_program;

/* The command that argv begins with, by name or alias, and how many words it
 * took; NULL: none. */
const struct cmd *cmd_find(char **argv, int argc, int *words);

/* Parses argv (without the command's words) into args; operands point into
 * argv. -EINVAL is a usage error; 1 means -h or --help was asked for. */
int cmd_parse(const struct cmd *c, void *args, char **argv, int argc,
	      char ***operands, int *count, struct err *e) MUST_CHECK;

/* Visits every visible option, shared groups included.  Stops at non-zero. */
typedef int opt_fn(const struct opt *o, size_t base, void *arg);
int opt_each(const struct opt *opts, size_t base, opt_fn *fn, void *arg);
