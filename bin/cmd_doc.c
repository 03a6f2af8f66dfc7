/* What the build asks the program about itself: manual pages, the names of
 * all commands, the table as JSON. */
#include "bin/app.h"
#include "bin/doc.h"
#include "lib/base/str.h"

static int print_man(struct app *app, char **words, int count, struct err *e)
{
	const struct cmd *c = NULL;
	int used = 0;

	/* One word "image prune", as the list has it. */
	for (size_t i = 0; count && cmd_table[i] && !c; i++)
		if (str_eq(cmd_table[i]->name, words[0]))
			c = cmd_table[i];
	if (count && !c)
		c = cmd_find(words, count, &used);
	if (count && !c)
		return err_set(e, ENOENT, "'%s' is not a command", words[0]);
	doc_man(c, &app->out);
	return EXIT_DONE;
}

static int doc_run(struct app *app, void *args UNUSED, char **operands, int count, struct err *e)
{
	if (str_eq(operands[0], "man"))
		return print_man(app, operands + 1, count - 1, e);
	if (str_eq(operands[0], "json")) {
		doc_json(&app->out);
		return EXIT_DONE;
	}
	if (!str_eq(operands[0], "list"))
		return err_set(e, EINVAL, "'%s' is not one of: man list json", operands[0]);
	for (size_t i = 0; cmd_table[i]; i++)
		if (!cmd_table[i]->hidden)
			app_printf(app, "%s\n", cmd_table[i]->name);
	return EXIT_DONE;
}

const struct cmd cmd_doc = {
	.name = "__doc",
	.summary = "Print the documentation made from the command table",
	.operands = "man|list|json [COMMAND]",
	.min = 1,
	.max = -1,
	.hidden = true,
	.run = doc_run,
};
