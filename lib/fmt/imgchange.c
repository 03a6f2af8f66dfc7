#include "lib/fmt/imgchange.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"
#include "lib/fmt/mountopt.h"
#include "lib/fmt/port.h"

#define MAX_LIST 1024

struct state {
	struct imgconf_run *run;
	bool has_cmd;			/* one of these changes gave it */
};

/* --- the forms of arguments --- */

/* ["a","b"]: 1; 0: it is no JSON list. */
static int parse_list(struct strv *out, const char *text, struct err *e)
{
	AUTO(json) json_t *doc = NULL;
	struct json_at root;
	int r;

	if (text[0] != '[')
		return 0;
	r = json_load_strict(&doc, text, strlen(text), e);
	if (r < 0)
		return r;
	root = json_root(doc);
	if (!json_is_array(doc) || json_len(&root) > MAX_LIST)
		return err_set(e, EINVAL, "not a list of texts");
	for (size_t i = 0; i < json_len(&root); i++) {
		struct json_at item = json_item(&root, i);
		const char *value;

		r = json_as_string(&value, &item, e);
		if (r < 0)
			return r;
		strv_add(out, value);
	}
	return 1;
}

/* One word of a shell, without its quotes; what follows it, NULL on failure. */
static const char *next_word(struct buf *out, const char *p, struct err *e)
{
	char quote = 0;

	buf_reset(out);
	for (; *p && (quote || !strchr(" \t", *p)); p++) {
		if (quote ? *p == quote : *p == '"' || *p == '\'') {
			quote = quote ? 0 : *p;
		} else if (*p == '\\' && quote != '\'' && p[1]) {
			buf_addc(out, *++p);
		} else {
			buf_addc(out, *p);
		}
	}
	if (quote) {
		(void)err_set(e, EINVAL, "a quote is not closed");
		return NULL;
	}
	return p + strspn(p, " \t");
}

static int parse_words(struct strv *out, const char *text, struct err *e)
{
	AUTO(buf) struct buf word = BUF_INIT(MAX_IMGCONF);

	while (*text) {
		text = next_word(&word, text, e);
		if (!text)
			return -e->code;
		strv_addn(out, word.data, word.len);
	}
	return 0;
}

/* KEY=value ..., or the old form KEY value. */
static int parse_pairs(struct strv *out, const char *text, struct err *e)
{
	size_t key = strcspn(text, "= \t");
	int r;

	if (key && text[key] && text[key] != '=') {
		const char *value = text + key + strspn(text + key, " \t");

		strv_addf(out, "%.*s=%s", (int)key, text, value);
		return 0;
	}
	r = parse_words(out, text, e);
	for (size_t i = 0; r == 0 && i < out->len; i++)
		if (!strchr(out->v[i], '=') || out->v[i][0] == '=')
			r = err_set(e, EINVAL, "'%s' is not KEY=value", out->v[i]);
	return r;
}

/* --- the words --- */

/* A line for the shell, or a list as it is. */
static int parse_command(struct strv *out, const struct imgconf_run *run, const char *text,
			 struct err *e)
{
	int r = parse_list(out, text, e);

	if (r)
		return r < 0 ? r : 0;
	if (run->shell.len) {
		strv_join(out, &run->shell);
	} else {
		strv_add(out, "/bin/sh");
		strv_add(out, "-c");
	}
	strv_add(out, text);
	return 0;
}

static int change_cmd(struct state *s, const char *text, struct err *e)
{
	AUTO(strv) struct strv command = STRV_INIT;
	int r = parse_command(&command, s->run, text, e);

	if (r < 0)
		return r;
	strv_clear(&s->run->cmd);
	strv_join(&s->run->cmd, &command);
	s->run->has_cmd = s->has_cmd = true;
	return 0;
}

static int change_entrypoint(struct state *s, const char *text, struct err *e)
{
	AUTO(strv) struct strv command = STRV_INIT;
	int r = parse_command(&command, s->run, text, e);

	if (r < 0)
		return r;
	strv_clear(&s->run->entrypoint);
	strv_join(&s->run->entrypoint, &command);
	s->run->has_entrypoint = true;
	if (!s->has_cmd) {
		strv_clear(&s->run->cmd);
		s->run->has_cmd = false;
	}
	return 0;
}

static int set_pairs(struct strv *list, const char *text, struct err *e)
{
	AUTO(strv) struct strv pairs = STRV_INIT;
	int r = parse_pairs(&pairs, text, e);

	for (size_t i = 0; r == 0 && i < pairs.len; i++)
		strv_setenv(list, pairs.v[i]);
	return r;
}

static int change_env(struct state *s, const char *text, struct err *e)
{
	return set_pairs(&s->run->env, text, e);
}

static int change_label(struct state *s, const char *text, struct err *e)
{
	return set_pairs(&s->run->labels, text, e);
}

static int change_expose(struct state *s, const char *text, struct err *e)
{
	AUTO(strv) struct strv words = STRV_INIT;
	AUTO(ports) struct ports ports = PORTS_INIT;
	int r = parse_words(&words, text, e);

	for (size_t i = 0; r == 0 && i < words.len; i++)
		r = port_parse_expose(&ports, words.v[i], e);
	for (size_t i = 0; r == 0 && i < ports.len; i++) {
		char one[32];

		snprintf(one, sizeof(one), "%u/%s", ports.at[i].ctr,
			 port_proto_name(ports.at[i].proto));
		if (!strv_has(&s->run->exposed_ports, one))
			strv_add(&s->run->exposed_ports, one);
	}
	return r;
}

static int change_volume(struct state *s, const char *text, struct err *e)
{
	AUTO(strv) struct strv paths = STRV_INIT;
	int r = parse_list(&paths, text, e);

	if (r == 0)
		r = parse_words(&paths, text, e);
	for (size_t i = 0; r >= 0 && i < paths.len; i++)
		if (!strv_has(&s->run->volumes, paths.v[i]))
			strv_add(&s->run->volumes, paths.v[i]);
	return r < 0 ? r : 0;
}

static int set_text(char **member, const char *text)
{
	free(*member);
	*member = mem_str(text);
	return 0;
}

static int change_user(struct state *s, const char *text, struct err *e UNUSED)
{
	return set_text(&s->run->user, text);
}

static int change_stopsignal(struct state *s, const char *text, struct err *e UNUSED)
{
	return set_text(&s->run->stop_signal, text);
}

/* Relative to the one before. */
static int change_workdir(struct state *s, const char *text, struct err *e UNUSED)
{
	AUTO_FREE char *joined = text[0] == '/' ? mem_str(text) :
		mem_printf("%s/%s", str_or(s->run->working_dir, ""), text);
	AUTO_FREE char *clean = mount_clean_path(joined);

	return set_text(&s->run->working_dir, clean);
}

static const struct {
	const char *name;
	int (*apply)(struct state *s, const char *text, struct err *e);
} words[] = {
	{ "CMD", change_cmd },
	{ "ENTRYPOINT", change_entrypoint },
	{ "ENV", change_env },
	{ "EXPOSE", change_expose },
	{ "LABEL", change_label },
	{ "STOPSIGNAL", change_stopsignal },
	{ "USER", change_user },
	{ "VOLUME", change_volume },
	{ "WORKDIR", change_workdir },
};

static int apply(struct state *s, const char *change, struct err *e)
{
	const char *start = change + strspn(change, " \t");
	size_t len = strcspn(start, " \t=");
	AUTO_FREE char *rest = NULL;
	size_t end;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		const char *text = start + len;

		if (strlen(words[i].name) != len || strncasecmp(words[i].name, start, len) != 0)
			continue;
		/* "CMD=x" is how docker import takes it, too */
		text += *text == '=';
		rest = mem_str(text + strspn(text, " \t"));
		for (end = strlen(rest); end && strchr(" \t", rest[end - 1]); end--)
			rest[end - 1] = '\0';
		if (!*rest)
			return err_set(e, EINVAL, "its value is missing");
		return words[i].apply(s, rest, e);
	}
	return err_set(e, EINVAL, "not one of CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, "
		       "USER, VOLUME, WORKDIR");
}

int imgchange_apply(struct imgconf_run *run, const struct strv *changes, struct err *e)
{
	struct state s = { .run = run };

	for (size_t i = 0; i < changes->len; i++)
		if (apply(&s, changes->v[i], e) < 0)
			return err_ctx(e, -EINVAL, "change '%s'", changes->v[i]);
	return 0;
}
