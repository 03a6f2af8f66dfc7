#include "tests/unit/test.h"

#include "lib/base/limits.h"
#include "lib/fmt/port.h"

static const struct {
	const char *text;
	const char *want;		/* each port printed; NULL: refused */
} cases[] = {
	{ "80", "80/tcp" },
	{ "8080:80", "8080:80/tcp" },
	{ "8080:80/udp", "8080:80/udp" },
	{ "80/TCP", "80/tcp" },
	{ ":80", "80/tcp" },
	{ "127.0.0.1:8080:80", "127.0.0.1:8080:80/tcp" },
	{ "127.0.0.1::80", "127.0.0.1::80/tcp" },
	{ "[::1]:8080:80", "[::1]:8080:80/tcp" },
	{ "[0:0::1]::80/udp", "[::1]::80/udp" },
	{ "[::1]:80", "[::1]::80/tcp" },
	{ "::80", "80/tcp" },
	{ "8000-8002:90-92", "8000:90/tcp 8001:91/tcp 8002:92/tcp" },
	{ "90-91", "90/tcp 91/tcp" },
	{ ":90-91", "90/tcp 91/tcp" },
	{ "65535:65535", "65535:65535/tcp" },
	{ "", NULL }, { ":", NULL }, { "0", NULL }, { "0:80", NULL },
	{ "65536", NULL }, { "80:", NULL }, { "-1:80", NULL }, { "80-79", NULL },
	{ "1-2:80", NULL }, { "1:80-81", NULL }, { "80/sctp", NULL },
	{ "80/", NULL }, { "80/tcp/udp", NULL }, { "a:80", NULL },
	{ "1.2.3:80:80", NULL }, { "::1:80:80", NULL }, { "[::1:80:80", NULL },
	{ "[1.2.3.4]:80:80", NULL }, { " 80", NULL }, { "80 ", NULL },
	{ "0x50", NULL }, { "+80", NULL }, { "80-", NULL }, { "-80", NULL },
	{ "1.2.3.4:80", NULL }, { "[]:80:80", NULL }, { "1-4097", NULL },
};

static void test_publish(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(ports) struct ports p = PORTS_INIT;
		AUTO(buf) struct buf b = BUF_INIT(1000);
		struct err e = ERR_INIT;
		int r = port_parse(&p, cases[i].text, &e);

		if (!cases[i].want) {
			assert_true(r < 0);
			assert_int_equal(r, -e.code);
			assert_int_equal(p.len, 0);
			continue;
		}
		assert_int_equal(r, 0);
		for (size_t n = 0; n < p.len; n++) {
			if (n)
				buf_addc(&b, ' ');
			port_print(&p.at[n], &b);
		}
		assert_string_equal(b.data, cases[i].want);
	}
}

static void test_round_trip(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(ports) struct ports p = PORTS_INIT;
		AUTO(ports) struct ports again = PORTS_INIT;
		struct err e = ERR_INIT;

		if (!cases[i].want)
			continue;
		assert_int_equal(port_parse(&p, cases[i].text, &e), 0);
		for (size_t n = 0; n < p.len; n++) {
			AUTO(buf) struct buf b = BUF_INIT(100);

			port_print(&p.at[n], &b);
			assert_int_equal(port_parse(&again, b.data, &e), 0);
			assert_string_equal(again.at[n].ip, p.at[n].ip);
			assert_int_equal(again.at[n].host, p.at[n].host);
			assert_int_equal(again.at[n].ctr, p.at[n].ctr);
			assert_int_equal(again.at[n].proto, p.at[n].proto);
		}
	}
}

static void test_expose(void **state UNUSED)
{
	AUTO(ports) struct ports p = PORTS_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(port_parse_expose(&p, "80", &e), 0);
	assert_int_equal(port_parse_expose(&p, "53/udp", &e), 0);
	assert_int_equal(port_parse_expose(&p, "90-92/tcp", &e), 0);
	assert_int_equal(p.len, 5);
	assert_int_equal(p.at[1].proto, PORT_UDP);
	assert_int_equal(p.at[4].ctr, 92);
	assert_int_equal(port_parse_expose(&p, "80:80", &e), -EINVAL);
	assert_int_equal(p.len, 5);
	assert_string_equal(port_proto_name(PORT_UDP), "udp");
}

static void test_show(void **state UNUSED)
{
	static const struct {
		const char *args[4];
		const char *want;
	} lists[] = {
		{ { NULL }, "" },
		{ { "8080:80" }, "0.0.0.0:8080->80/tcp" },
		{ { "8080-8082:80-82", "90/udp" },
		  "0.0.0.0:8080-8082->80-82/tcp, 90/udp" },
		{ { "[::]:1:1", "1.2.3.4:2:2" },
		  "[::]:1->1/tcp, 1.2.3.4:2->2/tcp" },
		{ { "80", "81", "82/udp" }, "80-81/tcp, 82/udp" },
		{ { "8080:80", "9000:81" },
		  "0.0.0.0:8080->80/tcp, 0.0.0.0:9000->81/tcp" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		AUTO(ports) struct ports p = PORTS_INIT;
		AUTO(buf) struct buf b = BUF_INIT(1000);
		struct err e = ERR_INIT;

		for (size_t n = 0; lists[i].args[n]; n++)
			assert_int_equal(port_parse(&p, lists[i].args[n], &e), 0);
		ports_print(&p, &b);
		assert_string_equal(b.data, lists[i].want);
	}
}

static void test_limit(void **state UNUSED)
{
	AUTO(ports) struct ports p = PORTS_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(port_parse(&p, "1-4096", &e), 0);
	assert_int_equal(p.len, MAX_PORTS);
	assert_int_equal(port_parse(&p, "80", &e), -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_publish),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_expose),
		cmocka_unit_test(test_show),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests_name("port", tests, NULL, NULL);
}
