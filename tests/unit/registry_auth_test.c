#include "tests/unit/fakereg.h"

#include "lib/fmt/authfile.h"

/* Who gets to see credentials: RELIABILITY E1, E3, E4.  The canary is looked
 * for in the request log of the server that must not have it. */

#define CANARY "canary-secret"
#define CANARY_BASIC "dXNlcjpjYW5hcnktc2VjcmV0"	/* user:canary-secret */
#define USERS "\"users\":{\"user\":\"" CANARY "\"}"
#define BASIC "\"auth\":{\"kind\":\"basic\"," USERS "}"

static struct layout layout;

static int give_password(struct registry_creds *out, const char *host UNUSED,
			 const char *repo UNUSED, void *arg, struct err *e UNUSED)
{
	out->user = mem_str("user");
	secret_set(&out->password, arg ? arg : CANARY);
	return 0;
}

static int give_identity(struct registry_creds *out, const char *host UNUSED,
			 const char *repo UNUSED, void *arg UNUSED,
			 struct err *e UNUSED)
{
	secret_set(&out->identity_token, CANARY);
	return 0;
}

static int give_bearer(struct registry_creds *out, const char *host UNUSED,
		       const char *repo UNUSED, void *arg UNUSED,
		       struct err *e UNUSED)
{
	secret_set(&out->registry_token, CANARY);
	return 0;
}

static int fetch_from(const char *host, registry_creds_fn *creds, void *arg,
		      struct target *t)
{
	struct registry_options o = quick_options();

	o.creds = creds;
	o.creds_arg = arg;
	*t = (struct target){ .is_done = false };
	fetch_blob(t, &o, host, &layout, 0);
	assert_null(strstr(t->why.text, CANARY));
	assert_null(strstr(t->why.text, CANARY_BASIC));
	return t->result;
}

struct row {
	const char *name;
	const char *script;
	registry_creds_fn *creds;
	void *arg;
	int result;
	const char *key;
	unsigned tokens;	/* requests to the token service */
};

static const struct row rows[] = {
	{ "basic", "{" BASIC "}", give_password, NULL, 0, NULL, 0 },
	{ "basic, wrong", "{" BASIC "}", give_password, (char *)"wrong", EACCES, "registry.auth", 0 },
	{ "basic, nobody", "{" BASIC "}", NULL, NULL, EACCES, "registry.auth", 0 },
	{ "bearer, anonymous", "{\"auth\":{\"kind\":\"bearer\",\"anonymous\":true}}", NULL, NULL, 0, NULL, 1 },
	{ "bearer, user", "{\"auth\":{\"kind\":\"bearer\"," USERS "}}", give_password, NULL, 0, NULL, 1 },
	{ "bearer, wrong", "{\"auth\":{\"kind\":\"bearer\"," USERS "}}", give_password, (char *)"wrong", EACCES, "registry.auth", 1 },
	{ "bearer, nobody", "{\"auth\":{\"kind\":\"bearer\"," USERS "}}", NULL, NULL, EACCES, "registry.auth", 1 },
	{ "bearer, identity token", "{\"auth\":{\"kind\":\"bearer\",\"refresh\":\"" CANARY "\"}}", give_identity, NULL, 0, NULL, 1 },
	{ "bearer, given token refused", "{\"auth\":{\"kind\":\"bearer\"}}", give_bearer, NULL, EACCES, "registry.auth", 0 },
	{ "tokens that are never any good", "{\"auth\":{\"kind\":\"bearer\",\"anonymous\":true,\"uses\":0}}", NULL, NULL, EACCES, "registry.auth", 2 },
	{ "token over mid-blob", "{\"auth\":{\"kind\":\"bearer\",\"anonymous\":true,\"uses\":1},"
	  "\"rules\":[{\"match\":\"blobs\",\"times\":12,\"cut\":70000}]}", NULL, NULL, 0, NULL, 0 },
	{ "a life of no time", "{\"auth\":{\"kind\":\"bearer\",\"anonymous\":true,\"expires_in\":0}}", NULL, NULL, 0, NULL, 1 },
	{ "token is no JSON", "{\"auth\":{\"kind\":\"bearer\",\"token_body\":\"<html>\"}}", NULL, NULL, EPROTO, NULL, 1 },
	{ "token with a line end", "{\"auth\":{\"kind\":\"bearer\",\"token_body\":\"{\\\"token\\\":\\\"a\\\\r\\\\nX: y\\\"}\"}}", NULL, NULL, EPROTO, NULL, 1 },
	{ "token without end", "{\"auth\":{\"kind\":\"bearer\",\"anonymous\":true},\"rules\":[{\"match\":\"/token\",\"raw\":\"HTTP/1.1 200 OK\\r\\nContent-Encoding: gzip\\r\\n\\r\\nxxxx\"}]}",
	  NULL, NULL, EPROTO, NULL, 1 },
	{ "token service busy", "{\"auth\":{\"kind\":\"bearer\",\"anonymous\":true},\"rules\":[{\"match\":\"/token\",\"times\":2,\"status\":503}]}", NULL, NULL, 0, NULL, 3 },
	{ "token service moves away", "{\"auth\":{\"kind\":\"bearer\",\"refresh\":\"" CANARY "\"},\"rules\":[{\"match\":\"POST /token\",\"redirect\":\"http://127.0.0.1:1/\"}]}",
	  give_identity, NULL, EPROTO, NULL, 1 },
	{ "realm is http elsewhere", "{\"auth\":{\"kind\":\"bearer\",\"realm\":\"http://192.0.2.1/token\"}}", NULL, NULL, EACCES, "registry.realm", 0 },
	{ "realm is a stranger", "{\"auth\":{\"kind\":\"bearer\",\"realm\":\"https://evil.example.com/token\"}}", give_password, NULL, EACCES, "registry.realm", 0 },
	{ "realm is a file", "{\"auth\":{\"kind\":\"bearer\",\"realm\":\"file:///etc/passwd\"}}", NULL, NULL, EPROTO, NULL, 0 },
	{ "realm is metadata", "{\"auth\":{\"kind\":\"bearer\",\"realm\":\"https://169.254.169.254/\"}}", NULL, NULL, EPROTO, NULL, 0 },
	{ "an unknown scheme", "{\"rules\":[{\"match\":\"blobs\",\"status\":401,\"headers\":{\"WWW-Authenticate\":\"Negotiate\"}}]}", give_password, NULL, EACCES, "registry.auth", 0 },
	{ "a server that echoes", "{" BASIC ",\"rules\":[{\"match\":\"blobs\",\"skip\":1,\"status\":403,\"body\":\"{\\\"errors\\\":[{\\\"message\\\":\\\"bad " CANARY " \\\"}]}\"}]}",
	  give_password, NULL, EACCES, "registry.auth", 0 },
};

static void test_rows(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct target t;
		struct fake f;

		fake_start(&f, &layout, row->script, NULL);
		if (fetch_from(f.host, row->creds, row->arg, &t) != -row->result)
			fail_msg("%s: %d (%s)", row->name, t.result, t.why.text);
		if (row->result && !str_eq(row->key, t.why.key))
			fail_msg("%s: hint %s (%s)", row->name, t.why.key, t.why.text);
		if (row->tokens && fake_count(&f, "\"path\": \"/token") != row->tokens)
			fail_msg("%s: %u token requests", row->name,
				 fake_count(&f, "\"path\": \"/token"));
		if (!row->result && (t.is_wrong || t.at != layout.desc.size))
			fail_msg("%s: wrong bytes", row->name);
		fake_stop(&f);
	}
}

/* Many fetches that wait for one token ask once. */
static void test_one_token_for_all(void **state UNUSED)
{
	struct registry_options o = quick_options();
	AUTO(registry) struct registry *reg = NULL;
	AUTO(ref) struct ref ref = REF_INIT;
	struct target t[5];
	struct err e = ERR_INIT;
	struct fake f;

	fake_start(&f, &layout, "{\"auth\":{\"kind\":\"bearer\",\"anonymous\":true}}", NULL);
	make_ref(&ref, f.host, "a/b");
	MUST(registry_open(&reg, &o, &e));
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		t[i] = (struct target){ .want = layout.blob };
		MUST(registry_fetch_add(reg, &ref, &layout.desc, 0, &target_sink, &t[i], &e));
	}
	MUST(registry_run(reg, &e));
	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		assert_int_equal(t[i].result, 0);
	assert_int_equal(fake_count(&f, "\"path\": \"/token"), 1);
	assert_int_equal(fake_count(&f, "scope=repository%3aa%2fb%3apull"), 1);
	fake_stop(&f);
}

/* home demands basic, then sends us to evil, which demands more. */
static void check_redirect(const char *evil_script, int result)
{
	AUTO_FREE char *script = NULL;
	struct fake home, evil;
	struct target t;

	fake_start(&evil, &layout, evil_script, NULL);
	script = mem_printf("{" BASIC ",\"rules\":[{\"match\":\"blobs\",\"skip\":1,\"redirect\":\"http://%s{path}\"}]}", evil.host);
	fake_start(&home, &layout, script, NULL);
	if (fetch_from(home.host, give_password, NULL, &t) != result)
		fail_msg("%s: %d (%s)", evil_script, t.result, t.why.text);
	assert_true(fake_count(&home, CANARY_BASIC) > 0);
	assert_true(fake_count(&evil, "/blobs/") > 0);
	assert_int_equal(fake_count(&evil, CANARY), 0);
	assert_int_equal(fake_count(&evil, CANARY_BASIC), 0);
	assert_int_equal(fake_count(&evil, "Authorization"), 0);
	fake_stop(&home);
	fake_stop(&evil);
}

static void test_redirects(void **state UNUSED)
{
	check_redirect("{}", 0);
	check_redirect("{" BASIC "}", -EACCES);
	check_redirect("{\"auth\":{\"kind\":\"bearer\",\"anonymous\":true}}", -EACCES);
}

/* Led away and back home: that URL is evil's choice, so still nothing. */
static void test_redirect_back(void **state UNUSED)
{
	AUTO_FREE char *script = NULL;
	struct fake home, evil;
	struct target t;

	fake_start(&evil, &layout, "{\"rules\":[{\"match\":\"blobs\",\"redirect\":\"{back}/v2/other/blobs/x\"}]}", NULL);
	script = mem_printf("{" BASIC ",\"rules\":[{\"match\":\"some/repo/blobs\",\"skip\":1,"
			    "\"redirect\":\"http://%s{path}?back={origin}\"}]}", evil.host);
	fake_start(&home, &layout, script, NULL);
	assert_int_equal(fetch_from(home.host, give_password, NULL, &t), -EACCES);
	assert_int_equal(fake_count(&home, "/v2/other/"), 1);
	assert_int_equal(fake_count(&home, CANARY_BASIC), 1);
	assert_int_equal(fake_count(&evil, "Authorization"), 0);
	fake_stop(&home);
	fake_stop(&evil);
}

static void test_login(void **state UNUSED)
{
	static const struct {
		const char *script;
		const char *password;
		int result;
		const char *token;
	} cases[] = {
		{ "{" BASIC "}", CANARY, 0, NULL },
		{ "{" BASIC "}", "wrong", -EACCES, NULL },
		{ "{\"auth\":{\"kind\":\"bearer\"," USERS "}}", CANARY, 0, NULL },
		{ "{\"auth\":{\"kind\":\"bearer\",\"refresh\":\"id\"," USERS "}}", CANARY, 0,
		  "id" },
		{ "{\"auth\":{\"kind\":\"bearer\"," USERS "}}", "wrong", -EACCES, NULL },
		{ "{\"rules\":[{\"match\":\"/v2/\",\"status\":404}]}", CANARY, -EPROTO, NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct registry_options o = quick_options();
		AUTO(registry) struct registry *reg = NULL;
		AUTO(registry_creds) struct registry_creds c = REGISTRY_CREDS_INIT;
		struct err e = ERR_INIT;
		struct fake f;
		int r;

		fake_start(&f, &layout, cases[i].script, NULL);
		MUST(registry_open(&reg, &o, &e));
		c.user = mem_str("user");
		secret_set(&c.password, cases[i].password);
		r = registry_login(reg, f.host, &c, &e);
		if (r != cases[i].result)
			fail_msg("%zu: %d %s", i, r, e.text);
		assert_true(str_eq(c.identity_token.text, cases[i].token));
		fake_stop(&f);
	}
}

static void test_creds_from_files(void **state UNUSED)
{
	static const char text[] = "{\"auths\":{\"a.example\":{\"auth\":\"" CANARY_BASIC "\"},"
		"\"b.example\":{\"identitytoken\":\"id\",\"auth\":\"dXNlcjo=\"}},"
		"\"credHelpers\":{\"c.example\":\"no/such\"}}";
	struct err e = ERR_INIT;
	AUTO(authfile) struct authfile *file = NULL;
	AUTO(registry_creds) struct registry_creds c = REGISTRY_CREDS_INIT;
	struct creds_files files = { .count = 1 };

	MUST(authfile_parse(&file, text, strlen(text), &e));
	files.files = (const struct authfile *const[]){ file };
	MUST(creds_from_files(&c, "a.example", "x", &files, &e));
	assert_string_equal(c.user, "user");
	assert_string_equal(c.password.text, CANARY);
	MUST(creds_from_files(&c, "b.example", "x", &files, &e));
	assert_string_equal(c.identity_token.text, "id");
	assert_int_equal(creds_from_files(&c, "d.example", "x", &files, &e), -ENOENT);
	err_clear(&e);
	assert_true(creds_from_files(&c, "c.example", "x", &files, &e) < 0);
}

static int setup(void **state UNUSED)
{
	layout_make(&layout, 300000);
	return 0;
}

static int teardown(void **state UNUSED)
{
	layout_clear(&layout);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_one_token_for_all),
		cmocka_unit_test(test_redirects),
		cmocka_unit_test(test_redirect_back),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_creds_from_files),
	};

	return cmocka_run_group_tests_name("registry auth", tests, setup, teardown);
}
