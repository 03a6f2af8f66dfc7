#include "bin/complete.h"

#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/ref.h"
#include "lib/store/containers.h"
#include "lib/store/images.h"
#include "lib/store/volumes.h"

struct typed {
	struct app *app;
	const char *start;		/* what candidates must begin with */
	const char *before;		/* "--when=", put before each candidate */
	size_t before_len;
	struct err *e;
};

static void offer(const struct typed *t, const char *word, const char *about)
{
	if (!str_starts(word, t->start))
		return;
	app_printf(t->app, "%.*s%s%s%s\n", (int)t->before_len, t->before, word,
		   about ? "\t" : "", about ? about : "");
}

/* Each word of "always missing newer". */
static void offer_list(const struct typed *t, const char *list)
{
	char word[64];

	for (const char *p = list; *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");

		if (n < sizeof(word)) {
			memcpy(word, p, n);
			word[n] = '\0';
			offer(t, word, NULL);
		}
		p += n;
	}
}

/* --- names from the store --- */

static int offer_images(const struct typed *t, struct store *s)
{
	AUTO(images) struct images list = IMAGES_INIT;
	int r = image_list(&list, s, t->app->ns, NULL, t->e);

	for (size_t i = 0; r == 0 && i < list.len; i++) {
		AUTO(buf) struct buf text = BUF_INIT(MAX_REF * 2);
		struct ref ref;

		if (!list.v[i].name || ref_parse(&ref, list.v[i].name, t->e) < 0)
			continue;
		ref_familiar(&ref, &text);
		offer(t, text.data, NULL);
	}
	return r;
}

static int offer_containers(const struct typed *t, struct store *s, bool running)
{
	AUTO(containers) struct containers list = CONTAINERS_INIT;
	int r = container_list(&list, s, t->app->ns, t->e);

	for (size_t i = 0; r == 0 && i < list.len; i++)
		if (!running || list.v[i].state == CONTAINER_RUNNING)
			offer(t, list.v[i].name, list.v[i].image);
	return r;
}

static int offer_volumes(const struct typed *t, struct store *s)
{
	AUTO(volumes) struct volumes list = VOLUMES_INIT;
	int r = volume_list(&list, s, t->app->ns, t->e);

	for (size_t i = 0; r == 0 && i < list.len; i++)
		offer(t, list.v[i].name, NULL);
	return r;
}

static int offer_namespaces(const struct typed *t, struct store *s)
{
	AUTO(strv) struct strv list = STRV_INIT;
	int r = store_ns_list(&list, s, t->e);

	for (size_t i = 0; r == 0 && i < list.len; i++)
		offer(t, list.v[i], NULL);
	return r;
}

static int offer_names(const struct typed *t, enum word word)
{
	const struct store_options o = { .root = t->app->data_dir, .read_only = true };
	AUTO(store) struct store *s = NULL;
	int r = store_open(&s, &o, t->e);

	if (r < 0)
		return r;
	if (word == WORD_IMAGE)
		return offer_images(t, s);
	if (word == WORD_VOLUME)
		return offer_volumes(t, s);
	if (word == WORD_NAMESPACE)
		return offer_namespaces(t, s);
	return offer_containers(t, s, word == WORD_RUNNING);
}

/* --- words of the command table --- */

/* The next word of every command whose name begins with the words before. */
static void offer_commands(const struct typed *t, char **words, int count)
{
	AUTO(strv) struct strv seen = STRV_INIT;

	for (size_t i = 0; cmd_table[i]; i++) {
		const struct cmd *c = cmd_table[i];
		const char *rest = c->name;
		AUTO_FREE char *word = NULL;

		for (int k = 0; rest && k < count; k++) {
			rest = str_after(rest, words[k]);
			rest = rest ? str_after(rest, " ") : NULL;
		}
		if (!rest || c->hidden)
			continue;
		word = mem_strn(rest, strcspn(rest, " "));
		if (strv_has(&seen, word))
			continue;
		strv_add(&seen, word);
		offer(t, word, strchr(rest, ' ') ? NULL : c->summary);
	}
}

static void offer_word(const struct typed *t, enum word word)
{
	struct err ignored = ERR_INIT;
	struct typed quiet = *t;

	quiet.e = &ignored;
	switch (word) {
	case WORD_FILE:
		app_printf(t->app, ":files\n");
		break;
	case WORD_DIR:
		app_printf(t->app, ":dirs\n");
		break;
	case WORD_SHELL:
		offer_list(t, "bash zsh fish");
		break;
	case WORD_COMMAND:
		offer_commands(t, NULL, 0);
		break;
	case WORD_IMAGE:
	case WORD_CONTAINER:
	case WORD_RUNNING:
	case WORD_VOLUME:
	case WORD_NAMESPACE:
		(void)!offer_names(&quiet, word);
		break;
	case WORD_ANY:
		break;
	}
}

static void offer_value(const struct typed *t, const struct opt *o)
{
	if (o->kind == OPT_CHOICE)
		offer_list(t, o->choices);
	else
		offer_word(t, o->word);
}

static int offer_option(const struct opt *o, size_t base UNUSED, void *arg)
{
	AUTO_FREE char *word = mem_printf("--%s", o->name);

	if (o->help)
		offer(arg, word, o->help);
	return 0;
}

struct wanted {
	const char *text;		/* "--when", "--when=always" or "-w" */
	const struct opt *found;
};

static int same_option(const struct opt *o, size_t base UNUSED, void *arg)
{
	struct wanted *w = arg;
	size_t len = strcspn(w->text, "=");

	if (o->kind == OPT_REFUSE ||
	    (w->text[1] == '-'
		     ? strlen(o->name) != len - 2 || strncmp(o->name, w->text + 2, len - 2)
		     : !o->letter || w->text[len - 1] != o->letter))
		return 0;
	w->found = o;
	return 1;
}

/* The option that a word is, when it has a value. */
static const struct opt *valued(const struct cmd *c, const char *word)
{
	struct wanted w = { .text = word };

	if (word[0] != '-' || !word[1] || str_eq(word, "--") ||
	    !opt_each(c->opts, 0, same_option, &w) || w.found->kind == OPT_FLAG)
		return NULL;
	return w.found;
}

/* The last of words is being typed; the command's own words are taken off. */
static void complete_command(struct typed *t, const struct cmd *c, char **words, int count)
{
	char *last = words[count - 1];
	const char *equals = strchr(last, '=');
	const struct opt *o = NULL;
	int operands = 0;
	bool only_operands = false;

	for (int i = 0; i < count - 1; i++) {
		o = NULL;
		if (!only_operands && words[i][0] == '-' && words[i][1]) {
			only_operands = str_eq(words[i], "--");
			o = only_operands ? NULL : valued(c, words[i]);
			if (o && strchr(words[i], '='))
				o = NULL;
			if (o && i + 1 < count - 1) {
				i++;
				o = NULL;
			}
			continue;
		}
		operands++;
		only_operands = only_operands || c->stop_at_operand;
	}
	if (o) {
		offer_value(t, o);
	} else if (!only_operands && last[0] == '-' && equals && (o = valued(c, last))) {
		t->before = last;
		t->before_len = (size_t)(equals - last) + 1;
		t->start = equals + 1;
		offer_value(t, o);
	} else if (!only_operands && last[0] == '-') {
		opt_each(c->opts, 0, offer_option, t);
		offer(t, "--help", "Explain the command");
	} else if ((c->max < 0 || operands < c->max) && !(c->stop_at_operand && operands)) {
		offer_word(t, c->operand_word);
	}
}

void complete(struct app *app, char **words, int count)
{
	struct err ignored = ERR_INIT;
	struct typed t = { .app = app, .before = "", .e = &ignored };
	const struct cmd *c;
	int used = 0;

	if (count < 1)
		return;
	t.start = words[count - 1];
	while (count > 1 && words[0][0] == '-') {
		bool has_value = (str_eq(words[0], "-n") || str_eq(words[0], "--namespace") ||
				  str_eq(words[0], "--data-dir"));

		if (has_value && count == 2) {
			offer_word(&t, words[0][2] == 'd' ? WORD_DIR : WORD_NAMESPACE);
			return;
		}
		if (has_value && words[0][2] == 'd') {
			free(app->data_dir);
			app->data_dir = mem_str(words[1]);
		} else if (has_value) {
			app->ns = words[1];
		}
		words += 1 + has_value;
		count -= 1 + has_value;
	}
	if (words[0][0] == '-') {
		offer_list(&t, "--help --namespace --data-dir --version");
		return;
	}
	c = cmd_find(words, count - 1, &used);
	if (!c || t.start[0] != '-')
		offer_commands(&t, words, count - 1);
	if (c)
		complete_command(&t, c, words + used, count - used);
}
