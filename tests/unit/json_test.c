#include "lib/fmt/json.h"

#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "tests/unit/test.h"

static int load(const char *text, size_t len)
{
	AUTO(json) json_t *doc = NULL;
	struct err e = ERR_INIT;

	return json_load_strict(&doc, text, len, &e);
}

static void refuses(void **state)
{
	static const char *const texts[] = {
		"", " ", "{", "{}{}", "{} x", "1", "\"a\"", "{\"a\":1,\"a\":2}",
		"{\"a\":{\"b\":1,\"b\":1}}", "{\"a\":\"\\u0000\"}",
		"{\"\\u0000\":1}", "{'a':1}", "{\"a\":1,}", "[1,]", "// x\n{}",
		"{\"a\":\"\xff\"}", "{\"a\":\"\xed\xa0\x80\"}",
		"{\"a\":99999999999999999999999}", "{\"a\":-9223372036854775809}",
		"{\"a\":18446744073709551616}", "{18446744073709551615:1}",
		"{18446744073709551615 :1}", "{\"a\":01}", "{\"a\":NaN}",
		"{\"a\":\"\n\"}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(load(texts[i], strlen(texts[i])), -EBADMSG);
	assert_int_equal(load("{}\0", 3), -EBADMSG);
	assert_int_equal(load("{\"a\0\":1}", 8), -EBADMSG);
}

static void bounds_depth(void **state)
{
	char text[2 * MAX_JSON_DEPTH + 4];

	(void)state;
	for (size_t n = MAX_JSON_DEPTH; n <= MAX_JSON_DEPTH + 1; n++) {
		memset(text, '[', n);
		memset(text + n, ']', n);
		assert_int_equal(load(text, 2 * n), n > MAX_JSON_DEPTH ? -EBADMSG : 0);
	}
	/* brackets in strings are no levels */
	assert_int_equal(load("[\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"]", 72), 0);
}

static const char sample[] =
	"{\"text\":\"x\",\"empty\":null,\"n\":7,\"neg\":-7,\"yes\":true,"
	"\"max\":18446744073709551615,\"min\":-9223372036854775808,"
	"\"big\":9223372036854775808,\"list\":[{\"digest\":1},\"two\"],"
	"\"words\":[\"a\",\"b\"],\"map\":{\"k\":\"v\",\"l\":\"=\"},"
	"\"bad\":{\"a=b\":\"c\"},\"keys\":{\"80/tcp\":{}}}";

static void gets(void **state)
{
	AUTO(strv) struct strv words = STRV_INIT;
	AUTO(json) json_t *doc = NULL;
	struct err e = ERR_INIT;
	const char *text = NULL;
	struct json_at at;
	uint64_t u = 0;
	int64_t i = 0;
	bool yes = false;

	(void)state;
	assert_int_equal(json_load_strict(&doc, sample, strlen(sample), &e), 0);
	at = json_root(doc);
	assert_int_equal(json_get_string(&text, &at, "text", JSON_MUST, &e), 1);
	assert_string_equal(text, "x");
	assert_int_equal(json_get_string(&text, &at, "empty", JSON_MAY, &e), 0);
	assert_int_equal(json_get_string(&text, &at, "absent", JSON_MAY, &e), 0);
	assert_int_equal(json_get_u64(&u, &at, "max", 0, UINT64_MAX, JSON_MUST, &e), 1);
	assert_true(u == UINT64_MAX);
	assert_int_equal(json_get_u64(&u, &at, "big", 0, UINT64_MAX, JSON_MUST, &e), 1);
	assert_true(u == (uint64_t)INT64_MAX + 1);
	assert_int_equal(json_get_i64(&i, &at, "min", INT64_MIN, 0, JSON_MUST, &e), 1);
	assert_true(i == INT64_MIN);
	assert_int_equal(json_get_bool(&yes, &at, "yes", JSON_MUST, &e), 1);
	assert_true(yes);
	assert_int_equal(json_get_strv(&words, &at, "words", JSON_MUST, &e), 1);
	assert_int_equal(json_get_map(&words, &at, "map", JSON_MUST, &e), 1);
	assert_int_equal(json_get_keys(&words, &at, "keys", JSON_MUST, &e), 1);
	assert_int_equal(words.len, 5);
	assert_string_equal(words.v[2], "k=v");
	assert_string_equal(words.v[3], "l==");
	assert_string_equal(words.v[4], "80/tcp");
}

static void names_the_member(void **state)
{
	AUTO(json) json_t *doc = NULL;
	struct err e = ERR_INIT;
	struct json_at at, list, item;
	const char *text;
	uint64_t u;
	int64_t i;
	AUTO(strv) struct strv words = STRV_INIT;

	(void)state;
	assert_int_equal(json_load_strict(&doc, sample, strlen(sample), &e), 0);
	at = json_root(doc);
	assert_int_equal(json_get_list(&list, &at, "list", 2, JSON_MUST, &e), 1);
	item = json_item(&list, 0);
	assert_int_equal(json_get_string(&text, &item, "digest", JSON_MUST, &e), -EBADMSG);
	assert_string_equal(e.text, "list[0].digest: not a string");
	err_clear(&e);
	assert_int_equal(json_get_string(&text, &item, "absent", JSON_MUST, &e), -EBADMSG);
	assert_string_equal(e.text, "list[0].absent: missing");
	err_clear(&e);
	assert_int_equal(json_get_list(&list, &at, "list", 1, JSON_MUST, &e), -E2BIG);
	err_clear(&e);
	assert_int_equal(json_get_string(&text, &at, "max", JSON_MUST, &e), -EBADMSG);
	err_clear(&e);
	assert_int_equal(json_get_i64(&i, &at, "max", 0, INT64_MAX, JSON_MUST, &e), -ERANGE);
	err_clear(&e);
	assert_int_equal(json_get_u64(&u, &at, "neg", 0, UINT64_MAX, JSON_MUST, &e), -ERANGE);
	assert_string_equal(e.text, "neg: not between 0 and 18446744073709551615");
	err_clear(&e);
	assert_int_equal(json_get_u64(&u, &at, "n", 8, 9, JSON_MUST, &e), -ERANGE);
	err_clear(&e);
	assert_int_equal(json_get_map(&words, &at, "bad", JSON_MUST, &e), -EBADMSG);
	err_clear(&e);
	assert_int_equal(json_get_object(&item, &at, "list", JSON_MAY, &e), -EBADMSG);
	err_clear(&e);
	assert_int_equal(json_get_strv(&words, &at, "list", JSON_MAY, &e), -EBADMSG);
	assert_string_equal(e.text, "list[0]: not a string");
}

static void writes(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(KIB(4));
	struct json_w w = JSON_W_INIT(&b);
	AUTO(strv) struct strv words = STRV_INIT;

	(void)state;
	strv_add(&words, "k=v=w");
	strv_add(&words, "bare");
	json_w_object(&w);
	json_m_string(&w, "a", "\"\\\n\t\x01\x7f\xc3\xa9\xff\xe2\x82");
	json_m_string(&w, "none", NULL);
	json_m_u64(&w, "u", UINT64_MAX);
	json_m_i64(&w, "i", INT64_MIN);
	json_m_bool(&w, "f", false);
	json_m_flag(&w, "left out", false);
	json_m_array(&w, "l");
	json_w_object(&w);
	json_w_end(&w);
	json_w_array(&w);
	json_w_end(&w);
	json_w_null(&w);
	json_w_raw(&w, "[1]");
	json_w_end(&w);
	json_m_map(&w, "m", &words);
	json_m_keys(&w, "k", &words);
	json_w_end(&w);
	assert_string_equal(b.data,
		"{\"a\":\"\\\"\\\\\\n\\t\\u0001\\u007f\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
		"\"u\":18446744073709551615,\"i\":-9223372036854775808,\"f\":false,"
		"\"l\":[{},[],null,[1]],\"m\":{\"k\":\"v=w\",\"bare\":\"\"},"
		"\"k\":{\"k=v=w\":{},\"bare\":{}}}");
}

static void copies_a_tree(void **state)
{
	AUTO(buf) struct buf b = BUF_INIT(KIB(4));
	AUTO(json) json_t *doc = NULL;
	struct json_w w = JSON_W_INIT(&b);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(json_load_strict(&doc, sample, strlen(sample), &e), 0);
	json_w_value(&w, doc);
	assert_string_equal(b.data, sample);
	buf_reset(&b);
	w = (struct json_w)JSON_W_INIT(&b);
	w.indent = true;
	json_decref(doc);
	doc = NULL;
	assert_int_equal(json_load_strict(&doc, "{\"a\":[1,2.5],\"b\":{}}", 20, &e), 0);
	json_w_value(&w, doc);
	assert_string_equal(b.data, "{\n\t\"a\": [\n\t\t1,\n\t\t2.5\n\t],\n\t\"b\": {}\n}");
}

#ifndef __SANITIZE_ADDRESS__		/* which ends the process its own way */

/* Without memory a tree is not made a bit smaller. */
static void needs_memory(void **state)
{
	json_malloc_t allocate;
	json_free_t release;
	int status;
	pid_t pid;

	(void)state;
	json_get_alloc_funcs(&allocate, &release);
	json_needs_memory();
	pid = fork();
	if (pid == 0) {
		json_malloc_t now;

		(void)close(STDERR_FILENO);
		json_get_alloc_funcs(&now, &release);
		_exit(now(SIZE_MAX) ? 0 : 1);
	}
	json_set_alloc_funcs(allocate, release);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 70);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses),
		cmocka_unit_test(bounds_depth),
		cmocka_unit_test(gets),
		cmocka_unit_test(names_the_member),
		cmocka_unit_test(writes),
		cmocka_unit_test(copies_a_tree),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(needs_memory),
#endif
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
