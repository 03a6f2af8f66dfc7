#include "bin/app.h"
#include "bin/complete.h"
#include "lib/base/str.h"

/* The files of completion/, as the build wrote them down. */
static const struct {
	const char *shell;
	const char *text;
} scripts[] = {
#include "bin/completion_text.h"
};

static int completion_run(struct app *app, void *args UNUSED, char **operands, int count UNUSED,
			  struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++)
		if (str_eq(scripts[i].shell, operands[0])) {
			app_printf(app, "%s", scripts[i].text);
			return EXIT_DONE;
		}
	return err_set(e, EINVAL, "'%s' is not one of: bash zsh fish", operands[0]);
}

const struct cmd cmd_completion = {
	.name = "completion",
	.summary = "Print the completion script of a shell",
	.operands = "bash|zsh|fish",
	.operand_word = WORD_SHELL,
	.min = 1,
	.max = 1,
	.about = "Print what the shell has to read once, so that it completes commands, "
		 "options and the names of what is in the store. 'make install' puts it "
		 "where shells look.",
	.example = "source <(coracle completion bash)\n"
		   "coracle completion fish > ~/.config/fish/completions/coracle.fish",
	.run = completion_run,
};

/* Its words are anybody's, options included: they are taken as they are. */
static int complete_run(struct app *app, void *args UNUSED, char **operands, int count,
			struct err *e UNUSED)
{
	complete(app, operands, count);
	return EXIT_DONE;
}

const struct cmd cmd_complete = {
	.name = "__complete",
	.summary = "Print what may follow on a command line",
	.operands = "WORD...",
	.max = -1,
	.hidden = true,
	.run = complete_run,
};
