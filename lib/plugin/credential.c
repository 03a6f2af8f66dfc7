#include "lib/plugin/credential.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/json.h"
#include "lib/plugin/helper.h"

#define DEFAULT_TIMEOUT_MS 30000
#define MAX_LIST 10000

void credential_clear(struct credential *c)
{
	free(c->user);
	c->user = NULL;
	secret_clear(&c->secret);
}

/* A buf whose bytes may be secret. */
static void wipe_auto(struct buf *b)
{
	secret_wipe(b->data, b->cap);
	buf_clear(b);
}

/* The name comes from a file and becomes part of a program's name. */
static bool is_helper_name(const char *name)
{
	if (str_is_empty(name) || strlen(name) > 64 ||
	    !isalnum((unsigned char)name[0]))
		return false;
	for (const char *s = name; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("-_.", *s))
			return false;
	return true;
}

/* What a helper prints before it fails is a line for people; only the known
 * ones are passed on, since any other could hold what it was asked to store. */
static int failed(const struct credential_helper *h, const char *verb,
		  const struct buf *output, int status, struct err *e)
{
	if (strstr(output->data, "credentials not found"))
		return err_set(e, ENOENT, "docker-credential-%s has nothing for it",
			       h->name);
	return err_hint(e, err_set(e, EIO, "docker-credential-%s %s: exit status %d",
				   h->name, verb, status), "registry.helper");
}

static int call(const struct credential_helper *h, const char *verb,
		const char *input, struct buf *output, struct err *e)
{
	AUTO_FREE char *program = NULL;
	int status;
	int r;

	if (!is_helper_name(h->name))
		return err_set(e, EINVAL, "bad credential helper name '%s'",
			       str_or(h->name, ""));
	program = mem_printf("docker-credential-%s", h->name);
	r = helper_run(&(struct helper){
		.program = program,
		.args = (char *[]){ (char *)verb, NULL },
		.env = h->env,
		.input = input,
		.timeout_ms = h->timeout_ms ? h->timeout_ms : DEFAULT_TIMEOUT_MS,
	}, output, &status, e);
	if (r == -ENOENT) {
		err_clear(e);
		r = err_set(e, ENOPKG, "there is no program '%s'", program);
	}
	if (r < 0)
		return err_hint(e, r, "registry.helper");
	return status ? failed(h, verb, output, status, e) : 0;
}

/* "https://ghcr.io/" and "ghcr.io" are one server to every helper. */
static bool is_same_server(const char *a, const char *b)
{
	size_t len_a, len_b;

	a = strstr(a, "://") ? strstr(a, "://") + 3 : a;
	b = strstr(b, "://") ? strstr(b, "://") + 3 : b;
	len_a = strlen(a);
	len_b = strlen(b);
	while (len_a && a[len_a - 1] == '/')
		len_a--;
	while (len_b && b[len_b - 1] == '/')
		len_b--;
	return len_a == len_b && !strncasecmp(a, b, len_a);
}

static int read_answer(struct credential *out, const struct json_at *root,
		       const char *server, struct err *e)
{
	const char *url = NULL, *user, *secret;
	int r;

	r = json_get_string(&url, root, "ServerURL", JSON_MAY, e);
	if (r >= 0)
		r = json_get_string(&user, root, "Username", JSON_MUST, e);
	if (r >= 0)
		r = json_get_string(&secret, root, "Secret", JSON_MUST, e);
	if (r < 0)
		return r;
	if (!str_is_empty(url) && !is_same_server(url, server))
		return err_set(e, EPROTO, "it answered for another server");
	credential_clear(out);
	out->user = mem_str(user);
	secret_set(&out->secret, secret);
	return 0;
}

int credential_get(struct credential *out, const struct credential_helper *h,
		   const char *server, struct err *e)
{
	AUTO(wipe) struct buf answer = BUF_INIT(MAX_TOKEN);
	AUTO(json) json_t *doc = NULL;
	struct json_at root;
	int r;

	r = call(h, "get", server, &answer, e);
	if (r < 0)
		return r;
	r = json_load_strict(&doc, answer.data, answer.len, e);
	if (r == 0) {
		root = json_root(doc);
		r = read_answer(out, &root, server, e);
	}
	if (r == -EPROTO)
		return err_ctx(e, r, "docker-credential-%s get", h->name);
	if (r < 0) {
		/* The parser may quote what it could not read. */
		err_clear(e);
		return err_set(e, EPROTO, "docker-credential-%s get: not the JSON of the protocol",
			       h->name);
	}
	return 0;
}

int credential_store(const struct credential_helper *h, const char *server,
		     const struct credential *c, struct err *e)
{
	AUTO(wipe) struct buf input = BUF_INIT(MAX_TOKEN);
	AUTO(wipe) struct buf answer = BUF_INIT(MAX_TOKEN);
	struct json_w w = JSON_W_INIT(&input);
	int r;

	json_w_object(&w);
	json_m_string(&w, "ServerURL", server);
	json_m_string(&w, "Username", c->user);
	json_m_string(&w, "Secret", c->secret.text);
	json_w_end(&w);
	r = buf_ok(&input, "credentials", e);
	return r < 0 ? r : call(h, "store", input.data, &answer, e);
}

int credential_erase(const struct credential_helper *h, const char *server,
		     struct err *e)
{
	AUTO(wipe) struct buf answer = BUF_INIT(MAX_TOKEN);

	return call(h, "erase", server, &answer, e);
}

int credential_list(struct strv *out, const struct credential_helper *h,
		    struct err *e)
{
	AUTO(wipe) struct buf answer = BUF_INIT(MAX_TOKEN);
	AUTO(json) json_t *doc = NULL;
	struct json_at root, item;
	const char *user;
	int r;

	r = call(h, "list", "", &answer, e);
	if (r < 0)
		return r;
	r = json_load_strict(&doc, answer.data, answer.len, e);
	if (r < 0)
		return err_ctx(e, r, "docker-credential-%s list", h->name);
	root = json_root(doc);
	if (json_as_object(&root, e) < 0 || json_len(&root) > MAX_LIST) {
		err_clear(e);
		return err_set(e, EPROTO, "docker-credential-%s list: not the JSON of the protocol",
			       h->name);
	}
	json_each_member(&root, iter, item) {
		if (json_as_string(&user, &item, e) < 0)
			err_clear(e);
		else
			strv_addf(out, "%s=%s", item.key, user);
	}
	return 0;
}
