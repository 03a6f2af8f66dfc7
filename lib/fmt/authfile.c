#include "lib/fmt/authfile.h"

#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/fmt/base64.h"
#include "lib/fmt/json.h"
#include "lib/fmt/ref.h"

#define DOCKER_KEY "https://index.docker.io/v1/"

struct authfile {
	json_t *doc;
};

void auth_cred_clear(struct auth_cred *c)
{
	int saved = errno;

	free(c->key);
	free(c->helper);
	free(c->user);
	secret_clear(&c->password);
	secret_clear(&c->identity_token);
	secret_clear(&c->registry_token);
	*c = (struct auth_cred)AUTH_CRED_INIT;
	errno = saved;
}

void authfile_free(struct authfile *f)
{
	int saved = errno;

	if (!f)
		return;
	json_decref(f->doc);
	free(f);
	errno = saved;
}

static int check_members(const struct json_at *doc, struct err *e)
{
	struct json_at at;
	const char *text;
	int r = json_as_object(doc, e);

	if (r >= 0)
		r = json_get_object(&at, doc, "auths", JSON_MAY, e);
	if (r >= 0)
		r = json_get_object(&at, doc, "credHelpers", JSON_MAY, e);
	if (r >= 0)
		r = json_get_string(&text, doc, "credsStore", JSON_MAY, e);
	return r < 0 ? r : 0;
}

int authfile_parse(struct authfile **out, const char *text, size_t len,
		   struct err *e)
{
	AUTO(json) json_t *doc = NULL;
	struct json_at at;
	int r = 0;

	if (len > MAX_AUTH_FILE)
		return err_set(e, EFBIG, "auth file: longer than %zu bytes",
			       MAX_AUTH_FILE);
	if (len)
		r = json_load_strict(&doc, text, len, e);
	else
		doc = mem_check(json_object());
	at = json_root(doc);
	if (r == 0)
		r = check_members(&at, e);
	if (r < 0)
		return err_ctx(e, r, "auth file");
	*out = mem_new(struct authfile);
	(*out)->doc = take(doc);
	return 0;
}

/* --- keys --- */

/* A key as it is spelled in a file, without the scheme, the API version and
 * the other names of docker.io. */
static char *canonical_key(const char *key)
{
	const char *s = str_after(key, "https://");
	const char *docker;
	size_t len;

	if (!s)
		s = str_after(key, "http://");
	if (!s)
		s = key;
	len = strlen(s);
	while (len && s[len - 1] == '/')
		len--;
	if (len > 3 && (strncmp(s + len - 3, "/v1", 3) == 0 ||
			strncmp(s + len - 3, "/v2", 3) == 0) &&
	    memchr(s, '/', len) == s + len - 3)
		len -= 3;
	docker = str_after(s, "index." REF_DOCKER);
	if (!docker)
		docker = str_after(s, "registry-1." REF_DOCKER);
	if (docker && (docker == s + len || *docker == '/'))
		return mem_printf(REF_DOCKER "%.*s",
				  (int)(s + len - docker), docker);
	return mem_strn(s, len);
}

/* How docker spells it, which is what helpers know it by. */
static const char *docker_key(const char *key)
{
	return str_eq(key, REF_DOCKER) ? DOCKER_KEY : key;
}

/* The member of map whose key means the same; the exact spelling goes first. */
static struct json_at find_entry(const struct json_at *map, const char *want)
{
	struct json_at item = json_member(map, docker_key(want));

	if (item.value)
		return item;
	json_each_member(map, iter, item) {
		AUTO_FREE char *key = canonical_key(item.key);

		if (str_eq(key, want))
			return item;
	}
	return (struct json_at){ .value = NULL };
}

/* --- looking up --- */

static int read_auth(struct auth_cred *out, const struct json_at *entry,
		     struct err *e)
{
	AUTO(secret) struct secret plain = SECRET_INIT;
	struct buf bytes = BUF_INIT(KIB(64));
	struct json_at auth = json_member(entry, "auth");
	struct err why = ERR_INIT;
	const char *text = "";
	const char *colon;
	int r = json_get_string(&text, entry, "auth", JSON_MAY, e);

	if (r <= 0 || !*text)
		return r;
	r = base64_parse(&bytes, text, strlen(text), &why);
	if (r == 0)
		secret_setn(&plain, bytes.data, bytes.len);
	secret_wipe(bytes.data, bytes.len);
	buf_clear(&bytes);
	/* docker pads some with NULs at the end; inside they are an error */
	colon = r == 0 ? strchr(plain.text, ':') : NULL;
	if (!colon)
		return json_fail(&auth, EBADMSG, e, "not base64 of USER:PASSWORD");
	out->user = mem_strn(plain.text, (size_t)(colon - plain.text));
	secret_set(&out->password, colon + 1);
	return 1;
}

static int read_secret(struct secret *out, const struct json_at *entry,
		       const char *key, struct err *e)
{
	const char *text = "";
	int r = json_get_string(&text, entry, key, JSON_MAY, e);

	if (r > 0 && *text)
		secret_set(out, text);
	return r;
}

/* 1 when the entry holds something; {} only marks who asks a helper. */
static int read_entry(struct auth_cred *out, const struct json_at *entry,
		      struct err *e)
{
	int r = json_as_object(entry, e);

	if (r >= 0)
		r = read_auth(out, entry, e);
	if (r >= 0)
		r = read_secret(&out->identity_token, entry, "identitytoken", e);
	if (r >= 0)
		r = read_secret(&out->registry_token, entry, "registrytoken", e);
	if (r < 0)
		return r;
	/* docker stores a user and an empty password beside the token */
	if (secret_is_set(&out->identity_token))
		secret_clear(&out->password);
	return secret_is_set(&out->password) ||
	       secret_is_set(&out->identity_token) ||
	       secret_is_set(&out->registry_token);
}

/* "host/a/b" to "host/a" to "host"; false at the end. */
static bool shorten(char *key)
{
	char *slash = strrchr(key, '/');

	if (slash)
		*slash = '\0';
	return slash != NULL;
}

static const char *helper_of(const struct json_at *doc, const char *host)
{
	struct json_at helpers = json_member(doc, "credHelpers");
	struct json_at entry = find_entry(&helpers, host);
	const char *name = json_string_value(entry.value);

	if (!name)
		name = json_string_value(json_member(doc, "credsStore").value);
	return str_is_empty(name) ? NULL : name;
}

const char *authfile_helper(const struct authfile *f, const char *host)
{
	struct json_at doc = json_root(f->doc);
	AUTO_FREE char *key = canonical_key(host);

	return helper_of(&doc, key);
}

static int find_auth(struct auth_cred *out, const struct json_at *doc,
		     const char *host, const char *path, struct err *e)
{
	struct json_at auths = json_member(doc, "auths");
	AUTO_FREE char *key = mem_printf("%s%s%s", host, path ? "/" : "",
					 str_or(path, ""));

	do {
		struct json_at entry = find_entry(&auths, key);
		int r = entry.value ? read_entry(out, &entry, e) : 0;

		if (r > 0)
			out->key = mem_str(entry.key);
		if (r)
			return r;
	} while (shorten(key));
	return 0;
}

int authfile_find(struct auth_cred *out, const struct authfile *f,
		  const char *host, const char *path, struct err *e)
{
	AUTO(auth_cred) struct auth_cred c = AUTH_CRED_INIT;
	struct json_at doc = json_root(f->doc);
	AUTO_FREE char *key = canonical_key(host);
	const char *helper = helper_of(&doc, key);
	int r = 1;

	if (helper) {
		c.key = mem_str(docker_key(key));
		c.helper = mem_str(helper);
	} else {
		r = find_auth(&c, &doc, key, path, e);
	}
	if (r < 0)
		return err_ctx(e, r, "auth file");
	if (r > 0) {
		*out = c;
		c = (struct auth_cred)AUTH_CRED_INIT;
	}
	return r;
}

void authfile_list(const struct authfile *f, struct strv *out)
{
	struct json_at doc = json_root(f->doc);
	struct json_at auths = json_member(&doc, "auths");
	struct json_at item;

	json_each_member(&auths, iter, item)
		strv_add(out, item.key);
}

/* --- editing --- */

/* Unchecked means that all of jansson's failures are lack of memory; the
 * printer takes care of bad UTF-8. */
static void put(json_t *object, const char *key, json_t *value)
{
	int r = json_object_set_new_nocheck(object, key, mem_check(value));

	mem_check(r < 0 ? NULL : object);
}

static json_t *auths_of(struct authfile *f)
{
	if (!json_is_object(json_object_get(f->doc, "auths")))
		put(f->doc, "auths", json_object());
	return json_object_get(f->doc, "auths");
}

bool authfile_remove(struct authfile *f, const char *key)
{
	AUTO_FREE char *want = canonical_key(key);
	struct json_at auths = json_root(json_object_get(f->doc, "auths"));
	struct json_at entry;
	bool removed = false;

	while ((entry = find_entry(&auths, want)).value) {
		AUTO_FREE char *spelled = mem_str(entry.key);

		json_object_del((json_t *)auths.value, spelled);
		removed = true;
	}
	return removed;
}

static json_t *new_entry(struct authfile *f, const char *key)
{
	AUTO_FREE char *want = canonical_key(key);
	json_t *auths = auths_of(f);

	authfile_remove(f, want);
	put(auths, docker_key(want), json_object());
	return json_object_get(auths, docker_key(want));
}

void authfile_set(struct authfile *f, const char *key, const char *user,
		  const char *password, const char *identity_token)
{
	json_t *entry = new_entry(f, key);
	struct buf plain = BUF_INIT(MAX_AUTH_FILE);
	struct buf text = BUF_INIT(MAX_AUTH_FILE * 2);

	buf_addf(&plain, "%s:%s", user, str_or(password, ""));
	base64_print(plain.data, plain.len, &text);
	put(entry, "auth", json_string_nocheck(text.data));
	if (identity_token)
		put(entry, "identitytoken", json_string_nocheck(identity_token));
	secret_wipe(plain.data, plain.len);
	secret_wipe(text.data, text.len);
	buf_clear(&plain);
	buf_clear(&text);
}

void authfile_set_helped(struct authfile *f, const char *key)
{
	(void)new_entry(f, key);
}

void authfile_print(const struct authfile *f, struct buf *out)
{
	struct json_w w = JSON_W_INIT(out);

	w.indent = true;
	json_w_value(&w, f->doc);
	buf_addc(out, '\n');
}
