#include "tests/unit/fakereg.h"

/* What a push must survive, and who sees the credentials: RELIABILITY 2.6 R, E1. */

#define SIZE 1200000
#define BLOB_TYPE "application/vnd.oci.image.layer.v1.tar"
#define CANARY "canary-secret"
#define CANARY_BASIC "dXNlcjpjYW5hcnktc2VjcmV0"	/* user:canary-secret */
#define USERS "\"users\":{\"user\":\"" CANARY "\"}"

static char *bytes;

/* Each test has a layout of its own: what was pushed is there afterwards. */
static struct layout layout;

struct row {
	const char *name;
	const char *rules;
	int result;			/* 0 or an errno */
	unsigned places, puts;		/* requests; 99: any number */
	const char *text;		/* of the error; NULL: any */
};

#define NOWHERE "sha256:0000000000000000000000000000000000000000000000000000000000000000"

static const struct row rows[] = {
	{ "whole", "", 0, 1, 1, NULL },
	{ "cut once", "{\"match\":\"PUT\",\"times\":1,\"stop\":100000}", 0, 2, 2, NULL },
	{ "cut before the first byte", "{\"match\":\"PUT\",\"times\":1,\"stop\":0}", 0, 2, 2, NULL },
	{ "cut every time", "{\"match\":\"PUT\",\"stop\":900000}", ECONNRESET, 4, 4, "after 4 attempts" },
	{ "taken, and no answer", "{\"match\":\"PUT\",\"times\":1,\"drop\":true}", 0, 2, 2, NULL },
	{ "no place at first", "{\"match\":\"POST\",\"times\":2,\"status\":503}", 0, 3, 1, NULL },
	{ "503 to the bytes", "{\"match\":\"PUT\",\"times\":2,\"status\":503}", 0, 3, 3, NULL },
	{ "500 for ever", "{\"match\":\"PUT\",\"status\":500}", EHOSTDOWN, 4, 4, "HTTP 500" },
	{ "429 once", "{\"match\":\"POST\",\"times\":1,\"status\":429}", 0, 2, 1, NULL },
	{ "the question fails once", "{\"match\":\"HEAD\",\"times\":1,\"status\":502}", 0, 1, 1, NULL },
	{ "no right to ask", "{\"match\":\"HEAD\",\"status\":403}", EACCES, 0, 0, "access denied" },
	{ "the place is gone", "{\"match\":\"PUT\",\"times\":1,\"status\":404}", 0, 2, 2, NULL },
	{ "the place is always gone", "{\"match\":\"PUT\",\"status\":404}", ENOENT, 4, 4, "not found" },
	{ "no right to push", "{\"match\":\"POST\",\"status\":403,\"body\":\"{\\\"errors\\\":[{\\\"message\\\":\\\"quota \\\\u001b[2J over\\\"}]}\"}",
	  EACCES, 1, 0, "access denied (HTTP 403): quota ?[2J over" },
	{ "other bytes, it says", "{\"match\":\"PUT\",\"status\":400,\"body\":\"{\\\"errors\\\":[{\\\"message\\\":\\\"digest invalid\\\"}]}\"}",
	  EPROTO, 1, 1, "digest invalid" },
	{ "too large", "{\"match\":\"PUT\",\"status\":413}", EPROTO, 1, 1, "HTTP 413" },
	{ "no Location", "{\"match\":\"POST\",\"status\":202,\"body\":\"\"}", EPROTO, 1, 0, "HTTP 202 without Location" },
	{ "took another", "{\"match\":\"PUT\",\"took\":\"" NOWHERE "\"}", EBADMSG, 1, 1, "something else" },
	{ "not yet", "{\"match\":\"PUT\",\"status\":202,\"body\":\"\"}", EPROTO, 1, 1, "has not taken" },
	{ "took nonsense", "{\"match\":\"PUT\",\"took\":\"x\"}", EBADMSG, 1, 1, "something else" },
	{ "a relative place", "{\"match\":\"POST\",\"place\":\"7?a=b\"}", 0, 1, 1, NULL },
	{ "an absolute place", "{\"match\":\"POST\",\"place\":\"{origin}/v2/x/blobs/uploads/7\"}", 0, 1, 1, NULL },
	{ "the bytes are sent on", "{\"match\":\"PUT\",\"times\":2,\"status\":307,\"redirect\":\"{origin}{path}\"}", 0, 1, 3, NULL },
	{ "the question for a place is sent on", "{\"match\":\"POST /v2/some/repo\",\"status\":307,\"redirect\":\"{origin}/v2/other/blobs/uploads/\"}", 0, 2, 1, NULL },
	{ "sent on for ever", "{\"match\":\"PUT\",\"status\":307,\"redirect\":\"{origin}{path}\"}", EPROTO, 1, 10, "more than 10 redirects" },
	{ "place on plain http elsewhere", "{\"match\":\"POST\",\"place\":\"http://192.0.2.1/x\"}", EPROTO, 1, 0, "redirect to http" },
	{ "place at cloud metadata", "{\"match\":\"POST\",\"place\":\"https://169.254.169.254/latest\"}", EPROTO, 1, 0, "the registry is not there" },
	{ "place in a file", "{\"match\":\"POST\",\"place\":\"file:///tmp/x\"}", EPROTO, 1, 0, "not http or https" },
	{ "place with a user", "{\"match\":\"POST\",\"place\":\"http://me:pw@127.0.0.1/\"}", EPROTO, 1, 0, NULL },
};

static void setup_one(struct fake *f, const char *script)
{
	layout_make(&layout, 4);
	fake_start(f, &layout, script, NULL);
}

static void teardown_one(struct fake *f)
{
	fake_stop(f);
	layout_clear(&layout);
}

static unsigned count(const struct fake *f, const char *method)
{
	AUTO_FREE char *text = mem_printf("\"method\": \"%s\"", method);

	return fake_count(f, text);
}

/* The server keeps only what has the digest that it was told. */
static bool has_it(const void *data, size_t len)
{
	char hex[DIGEST_TEXT_MAX];
	AUTO_FREE char *path = NULL;
	struct digest d;

	hash_bytes(&d, data, len);
	digest_hex(&d, hex);
	path = mem_printf("%s/blobs/sha256/%s", layout.dir, hex);
	return access(path, F_OK) == 0;
}

static void test_rows(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		AUTO_FREE char *script = mem_printf("{\"rules\":[%s]}", row->rules);
		struct registry_options o = quick_options();
		struct origin from = { .data = bytes, .size = SIZE };
		struct fake f;

		setup_one(&f, script);
		if (push_bytes(&from, &o, f.host, "some/repo:1", BLOB_TYPE) != -row->result)
			fail_msg("%s: %d (%s)", row->name, from.result, from.why.text);
		if (row->text && !strstr(from.why.text, row->text))
			fail_msg("%s: %s", row->name, from.why.text);
		if (count(&f, "POST") != row->places || count(&f, "PUT") != row->puts)
			fail_msg("%s: %u places, %u times sent", row->name, count(&f, "POST"),
				 count(&f, "PUT"));
		if (!row->result && !has_it(bytes, SIZE))
			fail_msg("%s: it is not there", row->name);
		teardown_one(&f);
	}
}

static void test_what_is_there_is_not_sent(void **state UNUSED)
{
	struct registry_options o = quick_options();
	struct fake f;

	setup_one(&f, "{}");
	for (int i = 0; i < 3; i++) {
		struct origin from = { .data = bytes, .size = i ? SIZE : 0 };

		assert_int_equal(push_bytes(&from, &o, f.host, "some/repo", BLOB_TYPE), 0);
	}
	assert_true(has_it("", 0));
	assert_int_equal(count(&f, "HEAD"), 3);
	assert_int_equal(count(&f, "PUT"), 2);
	teardown_one(&f);
}

static void test_own_failures(void **state UNUSED)
{
	struct origin from = { .data = bytes, .size = SIZE, .fail_at = 600000 };
	struct registry_options o = quick_options();
	struct fake f;

	setup_one(&f, "{}");
	assert_int_equal(push_bytes(&from, &o, f.host, "some/repo", BLOB_TYPE), -EIO);
	assert_string_equal(from.why.text, "the disk is broken");
	assert_int_equal(count(&f, "POST"), 1);
	assert_false(has_it(bytes, SIZE));
	teardown_one(&f);
}

/* --- manifests --- */

static int push_text(const struct fake *f, const char *rest, const char *text)
{
	struct origin from = { .data = text, .size = strlen(text) };
	struct registry_options o = quick_options();

	return push_bytes(&from, &o, f->host, rest, MANIFEST_TYPE);
}

static void assert_named(const struct fake *f, const char *rest, const char *text)
{
	struct registry_options o = quick_options();
	AUTO(registry) struct registry *reg = NULL;
	AUTO(desc) struct desc head = DESC_INIT;
	AUTO(ref) struct ref ref = REF_INIT;
	struct err e = ERR_INIT;
	struct digest want;

	hash_bytes(&want, text, strlen(text));
	make_ref(&ref, f->host, rest);
	MUST(registry_open(&reg, &o, &e));
	MUST(registry_head(&head, reg, &ref, &e));
	assert_true(digest_eq(&head.digest, &want));
	assert_string_equal(head.media_type, MANIFEST_TYPE);
}

static void test_manifests(void **state UNUSED)
{
	static const char one[] = "{\"mediaType\":\"" MANIFEST_TYPE "\",\"n\":1}";
	static const char two[] = "{\"mediaType\":\"" MANIFEST_TYPE "\",\"n\":2}";
	char digest[DIGEST_TEXT_MAX];
	AUTO_FREE char *by_digest = NULL;
	AUTO_FREE char *of_other = NULL;
	struct digest d;
	struct fake f;

	setup_one(&f, "{\"rules\":[{\"match\":\"PUT\",\"times\":1,\"status\":503}]}");
	assert_int_equal(push_text(&f, "a/b:new", one), 0);
	assert_int_equal(count(&f, "PUT"), 2);
	assert_named(&f, "a/b:new", one);
	assert_int_equal(push_text(&f, "a/b:new", one), 0);
	assert_int_equal(count(&f, "PUT"), 2);
	/* The tag moves. */
	assert_int_equal(push_text(&f, "a/b:new", two), 0);
	assert_named(&f, "a/b:new", two);
	/* Without a tag, or with the digest of another. */
	hash_bytes(&d, one, strlen(one));
	digest_print(&d, digest);
	of_other = mem_printf("a/b:new@%s", digest);
	assert_int_equal(push_text(&f, "a/c", two), 0);
	assert_int_equal(push_text(&f, of_other, two), 0);
	assert_named(&f, "a/b:new", two);
	hash_bytes(&d, two, strlen(two));
	digest_print(&d, digest);
	by_digest = mem_printf("manifests/%s", digest);
	assert_int_equal(fake_count(&f, by_digest), 2);
	assert_int_equal(count(&f, "POST"), 0);
	teardown_one(&f);
}

/* --- credentials --- */

static int give_password(struct registry_creds *out, const char *host UNUSED,
			 const char *repo UNUSED, void *arg UNUSED, struct err *e UNUSED)
{
	out->user = mem_str("user");
	secret_set(&out->password, CANARY);
	return 0;
}

static void test_credentials(void **state UNUSED)
{
	static const struct {
		const char *script;
		const char *asked;	/* of the token service */
	} cases[] = {
		{ "{\"auth\":{\"kind\":\"basic\"," USERS "}}", NULL },
		{ "{\"auth\":{\"kind\":\"bearer\"," USERS "}}", "scope=repository%3asome%2frepo%3apull%2cpush" },
		/* Each hop wants a new one. */
		{ "{\"auth\":{\"kind\":\"bearer\",\"uses\":2," USERS "}}", "scope=repository%3asome%2frepo%3apull%2cpush" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct origin from = { .data = bytes, .size = SIZE };
		struct registry_options o = quick_options();
		struct fake f;

		o.creds = give_password;
		setup_one(&f, cases[i].script);
		if (push_bytes(&from, &o, f.host, "some/repo", BLOB_TYPE))
			fail_msg("%s: %s", cases[i].script, from.why.text);
		assert_true(has_it(bytes, SIZE));
		assert_true(!cases[i].asked || fake_count(&f, cases[i].asked) > 0);
		teardown_one(&f);
	}
}

/* A place that is given does not mean that the bytes will be taken. */
static void test_refused_for_ever(void **state UNUSED)
{
	struct origin from = { .data = bytes, .size = SIZE };
	struct registry_options o = quick_options();
	struct fake f;

	o.creds = give_password;
	/* A token is good for the place only. */
	setup_one(&f, "{\"auth\":{\"kind\":\"bearer\",\"uses\":1," USERS "}}");
	if (push_bytes(&from, &o, f.host, "some/repo", BLOB_TYPE) != -EACCES)
		fail_msg("%s", from.why.text);
	assert_true(count(&f, "PUT") <= 4);
	teardown_one(&f);
}

/* A fetch's token does not do for a push of the same client. */
static void test_token_after_fetch(void **state UNUSED)
{
	struct registry_options o = quick_options();
	AUTO(registry) struct registry *reg = NULL;
	AUTO(registry_doc) struct registry_doc doc = REGISTRY_DOC_INIT;
	AUTO(desc) struct desc desc = { .media_type = mem_str(BLOB_TYPE), .size = SIZE };
	AUTO(ref) struct ref ref = REF_INIT;
	struct origin from = { .data = bytes, .size = SIZE };
	struct err e = ERR_INIT;
	struct fake f;

	setup_one(&f, "{\"auth\":{\"kind\":\"bearer\",\"anonymous\":true}}");
	make_ref(&ref, f.host, "some/repo");
	hash_bytes(&desc.digest, bytes, SIZE);
	MUST(registry_open(&reg, &o, &e));
	MUST(registry_manifest(&doc, reg, &ref, &e));
	assert_int_equal(fake_count(&f, "%3apull%2cpush"), 0);
	MUST(registry_push_add(reg, &ref, &desc, &origin_source, &from, &e));
	MUST(registry_run(reg, &e));
	assert_int_equal(from.result, 0);
	assert_int_equal(fake_count(&f, "%3apull%2cpush"), 1);
	teardown_one(&f);
}

/* A place on another host gets the bytes, and nothing that is the user's. */
static void test_place_elsewhere(void **state UNUSED)
{
	struct origin from = { .data = bytes, .size = SIZE };
	struct registry_options o = quick_options();
	AUTO_FREE char *script = NULL;
	struct fake home, evil;

	setup_one(&evil, "{}");
	script = mem_printf("{\"auth\":{\"kind\":\"basic\"," USERS "},\"rules\":[{\"match\":\"POST\",\"skip\":1,"
			    "\"place\":\"http://%s/v2/x/blobs/uploads/1\"}]}", evil.host);
	fake_start(&home, &layout, script, NULL);
	o.creds = give_password;
	/* Where nobody asks for them. */
	assert_int_equal(push_bytes(&from, &o, home.host, "some/repo", BLOB_TYPE), 0);
	assert_int_equal(count(&evil, "PUT"), 0);
	from.is_done = false;
	from.size--;
	assert_int_equal(push_bytes(&from, &o, home.host, "some/repo", BLOB_TYPE), 0);
	assert_true(fake_count(&home, CANARY_BASIC) > 0);
	assert_int_equal(count(&evil, "PUT"), 1);
	assert_int_equal(fake_count(&evil, "Authorization"), 0);
	assert_int_equal(fake_count(&evil, CANARY), 0);
	fake_stop(&home);
	teardown_one(&evil);
}

static void test_stop(void **state UNUSED)
{
	struct registry_options o = quick_options();
	AUTO(registry) struct registry *reg = NULL;
	AUTO(desc) struct desc desc = { .media_type = mem_str(BLOB_TYPE), .size = SIZE };
	AUTO(ref) struct ref ref = REF_INIT;
	struct origin from = { .data = bytes, .size = SIZE };
	struct err e = ERR_INIT;
	struct fake f;

	setup_one(&f, "{\"rules\":[{\"match\":\"HEAD\",\"delay\":60}]}");
	make_ref(&ref, f.host, "some/repo");
	hash_bytes(&desc.digest, bytes, SIZE);
	MUST(registry_open(&reg, &o, &e));
	MUST(registry_push_add(reg, &ref, &desc, &origin_source, &from, &e));
	assert_int_equal(registry_step(reg, NULL, 0, 10, &e), 1);
	registry_stop(reg);
	assert_int_equal(registry_step(reg, NULL, 0, 10, &e), 0);
	assert_true(from.is_done);
	assert_int_equal(from.result, -ECANCELED);
	teardown_one(&f);
}

static int setup(void **state UNUSED)
{
	uint32_t x = 7;

	bytes = mem_zero(1, SIZE);
	for (size_t i = 0; i < SIZE; i++) {
		x = x * 1664525 + 1013904223;
		bytes[i] = (char)('a' + (x >> 24) % 26);	/* the log has them too */
	}
	return 0;
}

static int teardown(void **state UNUSED)
{
	free(bytes);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_what_is_there_is_not_sent),
		cmocka_unit_test(test_own_failures),
		cmocka_unit_test(test_manifests),
		cmocka_unit_test(test_credentials),
		cmocka_unit_test(test_refused_for_ever),
		cmocka_unit_test(test_token_after_fetch),
		cmocka_unit_test(test_place_elsewhere),
		cmocka_unit_test(test_stop),
	};

	return cmocka_run_group_tests_name("registry push", tests, setup, teardown);
}
