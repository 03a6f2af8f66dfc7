#include "lib/fmt/authhdr.h"

#include "tests/unit/test.h"

static void parses(void **state)
{
	AUTO(authhdr) struct authhdr h = AUTHHDR_INIT;
	const struct auth_challenge *c;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(authhdr_add(&h,
		"Negotiate, NTLM abc==, bearer realm=\"https://a/b?x=1,2\" , "
		"service = \"re\\\"g\",scope=\"repository:a/b:pull,push\",x=y,"
		"error=invalid_token, Basic realm=\"\"", &e), 0);
	assert_int_equal(h.len, 4);
	assert_int_equal(h.at[0].scheme, AUTH_OTHER);
	c = authhdr_find(&h, AUTH_BEARER);
	assert_ptr_equal(c, &h.at[2]);
	assert_string_equal(c->realm, "https://a/b?x=1,2");
	assert_string_equal(c->service, "re\"g");
	assert_string_equal(c->scope, "repository:a/b:pull,push");
	assert_string_equal(c->error, "invalid_token");
	c = authhdr_find(&h, AUTH_BASIC);
	assert_string_equal(c->realm, "");
	assert_null(c->service);

	assert_int_equal(authhdr_add(&h, " , Basic", &e), 0);
	assert_int_equal(h.len, 5);
	assert_int_equal(authhdr_add(&h, "", &e), 0);
	assert_int_equal(h.len, 5);
}

static void refuses(void **state)
{
	static const char *const texts[] = {
		"\"", "Bearer realm=", "Bearer realm=\"x",
		"Bearer realm=\"x\\", "Bearer realm=\"x\"y=z", "Basic/x",
		"Bearer realm=\"a\nb\"", "Bearer realm=a, realm=b", "=", "Basic a b",
		"Bearer realm=\"a\", service=\x01",
		"a,b,c,d,e,f,g,h,i",
	};
	char text[AUTHHDR_VALUE_MAX + 64] = "Bearer realm=";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTO(authhdr) struct authhdr h = AUTHHDR_INIT;
		struct err e = ERR_INIT;

		assert_int_equal(authhdr_add(&h, "Basic realm=x", &e), 0);
		if (authhdr_add(&h, texts[i], &e) >= 0)
			fail_msg("'%s' was taken", texts[i]);
		assert_int_equal(h.len, 1);
	}
	for (size_t n = AUTHHDR_VALUE_MAX; n <= AUTHHDR_VALUE_MAX + 1; n++) {
		AUTO(authhdr) struct authhdr h = AUTHHDR_INIT;
		struct err e = ERR_INIT;

		memset(text + 13, 'x', n);
		text[13 + n] = '\0';
		assert_int_equal(authhdr_add(&h, text, &e), n > AUTHHDR_VALUE_MAX ? -EFBIG : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests_name("authhdr", tests, NULL, NULL);
}
