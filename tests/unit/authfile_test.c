#include "lib/fmt/authfile.h"

#include "lib/base/limits.h"
#include "tests/unit/test.h"

/* dTpw is u:p, YTpiOmM= is a:b:c, bm9jb2xvbg== has no colon */
static const char plain[] =
	"{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"dTpw\"},"
	"\"ghcr.io\":{\"auth\":\"YTpiOmM=\",\"email\":\"x\"},"
	"\"ghcr.io/org\":{\"auth\":\"b3JnOnA=\"},"
	"\"https://old.example/v2/\":{\"auth\":\"dTpw\"},"
	"\"token.example\":{\"auth\":\"dTo=\",\"identitytoken\":\"tok\"},"
	"\"bearer.example\":{\"registrytoken\":\"reg\"},"
	"\"empty.example\":{},"
	"\"bad.example\":{\"auth\":\"bm9jb2xvbg==\"},"
	"\"worse.example\":{\"auth\":\"!\"}}}";

static void finds(void **state)
{
	static const struct {
		const char *host, *path, *key, *user, *password, *token;
	} cases[] = {
		{ "docker.io", "library/alpine", "https://index.docker.io/v1/", "u", "p", NULL },
		{ "index.docker.io", NULL, "https://index.docker.io/v1/", "u", "p", NULL },
		{ "ghcr.io", NULL, "ghcr.io", "a", "b:c", NULL },
		{ "ghcr.io", "other/x", "ghcr.io", "a", "b:c", NULL },
		{ "ghcr.io", "org/x/y", "ghcr.io/org", "org", "p", NULL },
		{ "ghcr.io", "organ/x", "ghcr.io", "a", "b:c", NULL },
		{ "old.example", "x", "https://old.example/v2/", "u", "p", NULL },
		{ "token.example", "x", "token.example", "u", NULL, "tok" },
		{ "empty.example", "x", NULL, NULL, NULL, NULL },
		{ "ghcr.io.evil", "x", NULL, NULL, NULL, NULL },
		{ "io", "x", NULL, NULL, NULL, NULL },
		{ "ghcr.io:443", "x", NULL, NULL, NULL, NULL },
	};
	AUTO(authfile) struct authfile *f = NULL;
	AUTO(auth_cred) struct auth_cred bearer = AUTH_CRED_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(authfile_parse(&f, plain, strlen(plain), &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(auth_cred) struct auth_cred c = AUTH_CRED_INIT;

		assert_int_equal(authfile_find(&c, f, cases[i].host, cases[i].path, &e),
				 cases[i].key ? 1 : 0);
		if (!cases[i].key)
			continue;
		assert_string_equal(c.key, cases[i].key);
		assert_string_equal(c.user, cases[i].user);
		assert_int_equal(secret_is_set(&c.password), cases[i].password != NULL);
		if (cases[i].password)
			assert_string_equal(c.password.text, cases[i].password);
		if (cases[i].token)
			assert_string_equal(c.identity_token.text, cases[i].token);
	}
	assert_int_equal(authfile_find(&bearer, f, "bearer.example", "x", &e), 1);
	assert_string_equal(bearer.registry_token.text, "reg");
	assert_null(authfile_helper(f, "ghcr.io"));
}

static void never_shows_secrets(void **state)
{
	AUTO(authfile) struct authfile *f = NULL;
	struct auth_cred c = AUTH_CRED_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(authfile_parse(&f, plain, strlen(plain), &e), 0);
	assert_int_equal(authfile_find(&c, f, "bad.example", NULL, &e), -EBADMSG);
	assert_null(strstr(e.text, "nocolon"));
	assert_null(strstr(e.text, "bm9j"));
	err_clear(&e);
	assert_int_equal(authfile_find(&c, f, "worse.example", NULL, &e), -EBADMSG);
}

static void asks_helpers_first(void **state)
{
	static const char text[] =
		"{\"auths\":{\"a.example\":{\"auth\":\"dTpw\"}},\"credsStore\":\"pass\","
		"\"credHelpers\":{\"gcr.io\":\"gcloud\"}}";
	AUTO(authfile) struct authfile *f = NULL;
	AUTO(auth_cred) struct auth_cred c = AUTH_CRED_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(authfile_parse(&f, text, strlen(text), &e), 0);
	assert_int_equal(authfile_find(&c, f, "gcr.io", "a/b", &e), 1);
	assert_string_equal(c.helper, "gcloud");
	assert_string_equal(c.key, "gcr.io");
	auth_cred_clear(&c);
	assert_int_equal(authfile_find(&c, f, "docker.io", "a/b", &e), 1);
	assert_string_equal(c.helper, "pass");
	assert_string_equal(c.key, "https://index.docker.io/v1/");
	assert_string_equal(authfile_helper(f, "a.example"), "pass");
}

static void edits(void **state)
{
	static const char text[] =
		"{\n\t\"HttpHeaders\": {\n\t\t\"n\": 18446744073709551615\n\t},\n"
		"\t\"auths\": {\n\t\t\"https://a.example/v1/\": {\n\t\t\t\"auth\": \"eDp5\"\n\t\t}\n\t},\n"
		"\t\"z\": [\n\t\t1.5,\n\t\tnull\n\t]\n}\n";
	AUTO(authfile) struct authfile *f = NULL;
	AUTO(auth_cred) struct auth_cred c = AUTH_CRED_INIT;
	AUTO(buf) struct buf b = BUF_INIT(MAX_AUTH_FILE);
	AUTO(strv) struct strv keys = STRV_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(authfile_parse(&f, text, strlen(text), &e), 0);
	authfile_print(f, &b);
	assert_string_equal(b.data, text);
	authfile_set(f, "a.example", "u", "p:q\xff", NULL);
	authfile_set(f, "docker.io", "d", NULL, "tok");
	authfile_list(f, &keys);
	assert_int_equal(keys.len, 2);
	assert_string_equal(keys.v[0], "a.example");
	assert_string_equal(keys.v[1], "https://index.docker.io/v1/");
	assert_int_equal(authfile_find(&c, f, "a.example", NULL, &e), 1);
	assert_string_equal(c.password.text, "p:q\xff");
	auth_cred_clear(&c);
	assert_int_equal(authfile_find(&c, f, "docker.io", "x", &e), 1);
	assert_string_equal(c.identity_token.text, "tok");
	assert_true(authfile_remove(f, "https://a.example"));
	assert_false(authfile_remove(f, "a.example"));
	assert_true(authfile_remove(f, "index.docker.io"));
	buf_reset(&b);
	authfile_print(f, &b);
	assert_non_null(strstr(b.data, "18446744073709551615"));
	assert_non_null(strstr(b.data, "\"auths\": {}"));
}

static void starts_empty(void **state)
{
	AUTO(authfile) struct authfile *f = NULL;
	AUTO(buf) struct buf b = BUF_INIT(MAX_AUTH_FILE);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(authfile_parse(&f, NULL, 0, &e), 0);
	authfile_set_helped(f, "ghcr.io");
	authfile_print(f, &b);
	assert_string_equal(b.data, "{\n\t\"auths\": {\n\t\t\"ghcr.io\": {}\n\t}\n}\n");
}

static void refuses(void **state)
{
	static const char *const texts[] = {
		"[]", "{", "{\"auths\":[]}", "{\"auths\":1}", "{\"credHelpers\":\"x\"}",
		"{\"credsStore\":{}}", "{\"auths\":{},\"auths\":{}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTO(authfile) struct authfile *f = NULL;
		struct err e = ERR_INIT;

		assert_int_equal(authfile_parse(&f, texts[i], strlen(texts[i]), &e), -EBADMSG);
		assert_null(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds),
		cmocka_unit_test(never_shows_secrets),
		cmocka_unit_test(asks_helpers_first),
		cmocka_unit_test(edits),
		cmocka_unit_test(starts_empty),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests_name("authfile", tests, NULL, NULL);
}
