#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/registry/addr.h"
#include "lib/registry/auth.h"
#include "lib/registry/response.h"
#include "lib/registry/retry.h"
#include "lib/registry/url.h"
#include "tests/unit/test.h"

static void test_addresses(void **state UNUSED)
{
	static const struct { const char *text; int want; } rows[] = {
		{ "127.0.0.1", ADDR_LOOPBACK }, { "127.255.0.9", ADDR_LOOPBACK },
		{ "0.0.0.0", ADDR_LOOPBACK }, { "::1", ADDR_LOOPBACK },
		{ "[::1]", ADDR_LOOPBACK }, { "::", ADDR_LOOPBACK },
		{ "::ffff:127.0.0.1", ADDR_LOOPBACK }, { "::127.0.0.1", ADDR_LOOPBACK },
		{ "64:ff9b::7f00:1", ADDR_LOOPBACK }, { "64:ff9b::a9fe:a9fe", ADDR_LINK_LOCAL },
		{ "169.254.169.254", ADDR_LINK_LOCAL }, { "fe80::1", ADDR_LINK_LOCAL },
		{ "::ffff:169.254.1.1", ADDR_LINK_LOCAL },
		{ "224.0.0.1", ADDR_NOWHERE }, { "255.255.255.255", ADDR_NOWHERE },
		{ "ff02::1", ADDR_NOWHERE },
		{ "8.8.8.8", ADDR_ORDINARY }, { "10.0.0.1", ADDR_ORDINARY },
		{ "2001:db8::1", ADDR_ORDINARY },
		{ "localhost", -1 }, { "1.2.3", -1 }, { "", -1 }, { "a.example", -1 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum addr_class c;
		int got = addr_class_of_text(rows[i].text, &c) ? (int)c : -1;

		if (got != rows[i].want)
			fail_msg("'%s': %d", rows[i].text, got);
	}
	assert_true(addr_is_loopback_host("LocalHost"));
	assert_true(addr_is_loopback_host("[::1]"));
	assert_false(addr_is_loopback_host("localhost.example.com"));
	assert_false(addr_is_loopback_host("notlocalhost"));
}

static void test_no_proxy(void **state UNUSED)
{
	static const struct { const char *list, *host; unsigned port; bool want; } rows[] = {
		{ "", "a.example", 443, false }, { "*", "a.example", 443, true },
		{ "example", "a.example", 443, true }, { ".example", "a.example", 443, true },
		{ ".example", "example", 443, true }, { "a.example", "b.a.example", 443, true },
		{ "xample", "a.example", 443, false }, { "A.Example", "a.example", 443, true },
		{ "x, a.example ,y", "a.example", 443, true },
		{ "a.example:443", "a.example", 443, true }, { "a.example:80", "a.example", 443, false },
		{ "10.0.0.0/8", "10.1.2.3", 443, true }, { "10.0.0.0/8", "11.1.2.3", 443, false },
		{ "10.0.0.0/33", "10.1.2.3", 443, false }, { "10.1.2.3", "10.1.2.3", 443, true },
		{ "2001:db8::/32", "[2001:db8::5]", 443, true }, { "::1", "[::1]", 443, true },
		{ "[::1]:80", "[::1]", 443, false }, { "10.0.0.0/8", "a.example", 443, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (addr_in_no_proxy(rows[i].list, rows[i].host, rows[i].port) != rows[i].want)
			fail_msg("'%s' '%s'", rows[i].list, rows[i].host);
}

static void test_related(void **state UNUSED)
{
	static const struct { const char *a, *b; bool want; } rows[] = {
		{ "ghcr.io", "ghcr.io", true }, { "docker.io", "auth.docker.io", true },
		{ "registry-1.docker.io", "auth.docker.io", true },
		{ "registry.gitlab.com", "gitlab.com", true },
		{ "r.example.com", "evil.com", false }, { "r.example.com", "r.example.com.evil.com", false },
		{ "example.com", "badexample.com", false }, { "a.co.uk", "b.co.uk", false },
		{ "a.shop.co.uk", "b.shop.co.uk", true }, { "10.0.0.1", "10.0.0.2", false },
		{ "10.0.0.1", "10.0.0.1", true }, { "localhost", "127.0.0.1", true },
		{ "com", "a.com", false }, { "", "a", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (auth_is_related(rows[i].a, rows[i].b) != rows[i].want ||
		    auth_is_related(rows[i].b, rows[i].a) != rows[i].want)
			fail_msg("'%s' '%s'", rows[i].a, rows[i].b);
}

static void test_retry(void **state UNUSED)
{
	uint64_t ms = 77;

	assert_true(retry_after_ms("5", 0, 60, &ms) && ms == 5000);
	assert_true(retry_after_ms("0", 0, 60, &ms) && ms == 0);
	assert_true(retry_after_ms("120", 0, 60, &ms) && ms == 60000);
	assert_true(retry_after_ms("99999999999999999999999", 0, 60, &ms) && ms == 60000);
	assert_true(retry_after_ms("Thu, 01 Jan 1970 00:01:40 GMT", 70, 60, &ms) && ms == 30000);
	assert_true(retry_after_ms("Thu, 01 Jan 1970 00:01:40 GMT", 500, 60, &ms) && ms == 0);
	assert_false(retry_after_ms("soon", 0, 60, &ms));
	assert_false(retry_after_ms("-1", 0, 60, &ms));
	assert_false(retry_after_ms("", 0, 60, &ms));

	assert_int_equal(retry_pause_ms(1, 500, 30000, 0), 250);
	assert_int_equal(retry_pause_ms(1, 500, 30000, UINT32_MAX), 500);
	assert_int_equal(retry_pause_ms(3, 500, 30000, UINT32_MAX), 2000);
	assert_int_equal(retry_pause_ms(1000, 500, 30000, UINT32_MAX), 30000);

	assert_int_equal(retry_of_status(404), RETRY_NEVER);
	assert_int_equal(retry_of_status(429), RETRY_OFTEN);
	assert_int_equal(retry_of_status(501), RETRY_NEVER);
	assert_int_equal(retry_of_status(503), RETRY_OFTEN);
}

static void test_urls(void **state UNUSED)
{
	static const char *const bad[] = {
		"", "x", "file:///etc/passwd", "gopher://a/", "ftp://a/", "https://u@a/",
		"https://u:p@a/", "https://", "https://a:0/", "https://a:99999/", "https://a b/",
	};
	AUTO(url) struct url u = URL_INIT;
	AUTO(url) struct url v = URL_INIT;
	AUTO_FREE char *text = NULL;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (url_parse(&u, bad[i], &e) >= 0)
			fail_msg("'%s' taken", bad[i]);
		err_clear(&e);
	}
	assert_int_equal(url_parse(&u, "https://Reg.Example:5000/v2/x?sig=SECRET#f", &e), 0);
	assert_string_equal(u.host, "reg.example");
	assert_int_equal(u.port, 5000);
	text = url_public(&u);
	assert_string_equal(text, "https://reg.example:5000/v2/x");
	free(text);
	assert_int_equal(url_resolve(&v, &u, "../y", &e), 0);
	assert_true(url_is_same_origin(&u, &v));
	assert_int_equal(url_resolve(&v, &u, "//reg.example/z", &e), 0);
	assert_false(url_is_same_origin(&u, &v));
	assert_int_equal(url_parse(&v, "https://2130706433/", &e), 0);
	assert_string_equal(v.host, "127.0.0.1");
	assert_int_equal(url_parse(&v, "https://a/t?x=1", &e), 0);
	assert_int_equal(url_add_query(&v, "scope", "repository:a/b:pull&c", &e), 0);
	text = mem_str(v.text);
	assert_string_equal(text, "https://a/t?x=1&scope=repository%3aa%2fb%3apull%26c");
}

static int feed(struct response *r, const char *text, struct err *e)
{
	const char *end;
	int ret = 0;

	for (; *text && ret == 0; text = end + 1) {
		end = strchr(text, '\n');
		ret = response_line(r, text, (size_t)(end + 1 - text), e);
	}
	return ret;
}

static void test_responses(void **state UNUSED)
{
	AUTO(response) struct response r = RESPONSE_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(feed(&r, "HTTP/1.1 100 Continue\r\nContent-Length: 9\r\n\r\n"
			      "HTTP/2 206\r\ncontent-length: 10\r\nCONTENT-RANGE: bytes 5-14/15\r\n"
			      "Content-Type: a/b; charset=x\r\nWWW-Authenticate: Basic\r\n"
			      "Docker-Content-Digest: d\r\nRetry-After:  7 \r\nX-Y: z\r\n\r\n"
			      "Content-Length: 99\r\n", &e), 0);
	assert_true(r.is_complete && r.status == 206 && r.length == 10);
	assert_true(r.has_range && r.first == 5 && r.last == 14 && r.total == 15);
	assert_string_equal(r.type, "a/b");
	assert_string_equal(r.retry_after, "7");
	assert_int_equal(r.challenges.len, 1);
	assert_false(r.is_encoded);

	static const struct { const char *text; int result; bool range; } rows[] = {
		{ "HTTP/1.1 abc\r\n", -EPROTO, false },
		{ "HTTP/1.1\r\n", -EPROTO, false },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n", -EPROTO, false },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n", -EPROTO, false },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n", 0, false },
		{ "HTTP/1.1 206 P\r\nContent-Range: bytes 5-4/9\r\n", 0, false },
		{ "HTTP/1.1 206 P\r\nContent-Range: bytes 5-9/9\r\n", 0, false },
		{ "HTTP/1.1 206 P\r\nContent-Range: bytes */9\r\n", 0, false },
		{ "HTTP/1.1 206 P\r\nContent-Range: bytes 0-8/*\r\n", 0, false },
		{ "HTTP/1.1 206 P\r\nContent-Range: bytes 0-8/9\r\n", 0, true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int ret;

		response_clear(&r);
		ret = feed(&r, rows[i].text, &e);
		if (ret != rows[i].result || r.has_range != rows[i].range)
			fail_msg("row %zu: %d", i, ret);
		err_clear(&e);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_no_proxy),
		cmocka_unit_test(test_related),
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_responses),
	};

	return cmocka_run_group_tests_name("registry parts", tests, NULL, NULL);
}
