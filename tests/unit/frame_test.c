#include "rootless/frame.h"

#include <arpa/inet.h>

#include "tests/unit/test.h"

#include "lib/base/cleanup.h"

#define ETH 14

static struct frame_policy policy(bool loopback)
{
	struct frame_policy p = {
		.prefix6 = 64,
		.has_ip6 = true,
		.has_dns = true,
		.host_loopback = loopback,
	};

	inet_pton(AF_INET, "10.0.2.2", &p.host4);
	inet_pton(AF_INET, "10.0.2.3", &p.dns4);
	inet_pton(AF_INET, "255.255.255.0", &p.mask4);
	inet_pton(AF_INET6, "fd00::2", &p.host6);
	inet_pton(AF_INET6, "fd00::3", &p.dns6);
	return p;
}

static uint32_t sum16(uint32_t sum, const uint8_t *p, size_t len)
{
	for (; len > 1; p += 2, len -= 2)
		sum += (uint32_t)p[0] << 8 | p[1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* A frame to dst with a header of 20 (TCP) or 8 bytes; port in network
 * order of the usual places, for ICMP the type. */
static size_t make(uint8_t *f, const char *dst, uint8_t proto, uint16_t port)
{
	bool is_ip6 = strchr(dst, ':');
	size_t head = is_ip6 ? 40 : 20, body = proto == IPPROTO_TCP ? 20 : 8;
	uint8_t *ip = f + ETH, *l4 = ip + head;
	uint32_t sum;

	memset(f, 0, 128);
	memset(f, 0x52, 12);
	f[12] = is_ip6 ? 0x86 : 0x08;
	f[13] = is_ip6 ? 0xdd : 0x00;
	if (is_ip6) {
		ip[0] = 0x60;
		ip[5] = (uint8_t)body;
		ip[6] = proto;
		inet_pton(AF_INET6, "fd00::100", ip + 8);
		inet_pton(AF_INET6, dst, ip + 24);
	} else {
		ip[0] = 0x45;
		ip[3] = (uint8_t)(head + body);
		ip[9] = proto;
		inet_pton(AF_INET, "10.0.2.100", ip + 12);
		inet_pton(AF_INET, dst, ip + 16);
	}
	if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6) {
		l4[0] = (uint8_t)port;
		return ETH + head + body;
	}
	l4[0] = 0x30;
	l4[2] = (uint8_t)(port >> 8);
	l4[3] = (uint8_t)port;
	if (proto == IPPROTO_TCP) {
		l4[12] = 0x50;
		l4[13] = 0x02;
		sum = sum16(IPPROTO_TCP + 20, ip + (is_ip6 ? 8 : 12), is_ip6 ? 32 : 8);
		sum = ~sum16(sum, l4, 20);
		l4[16] = (uint8_t)(sum >> 8);
		l4[17] = (uint8_t)sum;
	}
	return ETH + head + body;
}

static void test_addresses(void **state)
{
	static const struct {
		const char *dst;
		uint8_t proto;
		uint16_t port;
		enum frame_verdict closed, open;	/* host loopback */
	} rows[] = {
		{ "1.2.3.4", IPPROTO_TCP, 80, FRAME_PASS, FRAME_PASS },
		{ "1.2.3.4", IPPROTO_UDP, 80, FRAME_PASS, FRAME_PASS },
		{ "1.2.3.4", IPPROTO_ICMP, 8, FRAME_PASS, FRAME_PASS },
		{ "1.2.3.4", IPPROTO_ICMP, 5, FRAME_DROP, FRAME_DROP },
		{ "1.2.3.4", IPPROTO_IPV6, 0, FRAME_DROP, FRAME_DROP },
		{ "10.0.2.2", IPPROTO_TCP, 80, FRAME_REFUSE, FRAME_PASS },
		{ "10.0.2.2", IPPROTO_UDP, 80, FRAME_DROP, FRAME_PASS },
		{ "10.0.2.2", IPPROTO_UDP, 69, FRAME_DROP, FRAME_PASS },
		{ "10.0.2.2", IPPROTO_ICMP, 8, FRAME_PASS, FRAME_PASS },
		{ "10.0.2.3", IPPROTO_UDP, 53, FRAME_PASS, FRAME_PASS },
		{ "10.0.2.3", IPPROTO_TCP, 53, FRAME_PASS, FRAME_PASS },
		{ "10.0.2.3", IPPROTO_TCP, 80, FRAME_REFUSE, FRAME_REFUSE },
		{ "10.0.2.3", IPPROTO_UDP, 80, FRAME_DROP, FRAME_DROP },
		{ "10.0.2.77", IPPROTO_UDP, 53, FRAME_DROP, FRAME_DROP },
		{ "127.0.0.1", IPPROTO_TCP, 22, FRAME_REFUSE, FRAME_REFUSE },
		{ "127.8.9.1", IPPROTO_UDP, 53, FRAME_DROP, FRAME_DROP },
		{ "127.0.0.1", IPPROTO_ICMP, 8, FRAME_DROP, FRAME_DROP },
		{ "0.0.0.0", IPPROTO_TCP, 22, FRAME_REFUSE, FRAME_REFUSE },
		{ "0.1.2.3", IPPROTO_UDP, 22, FRAME_DROP, FRAME_DROP },
		{ "255.255.255.255", IPPROTO_UDP, 67, FRAME_DROP, FRAME_DROP },
		{ "224.0.0.251", IPPROTO_UDP, 5353, FRAME_DROP, FRAME_DROP },
		{ "2001:db8::1", IPPROTO_TCP, 80, FRAME_PASS, FRAME_PASS },
		{ "2001:db8::1", IPPROTO_HOPOPTS, 0, FRAME_DROP, FRAME_DROP },
		{ "fd00::2", IPPROTO_TCP, 80, FRAME_REFUSE, FRAME_PASS },
		{ "fd00::2", IPPROTO_UDP, 80, FRAME_DROP, FRAME_PASS },
		{ "fd00::2", IPPROTO_ICMPV6, 128, FRAME_PASS, FRAME_PASS },
		{ "fd00::3", IPPROTO_UDP, 53, FRAME_PASS, FRAME_PASS },
		{ "fd00::3", IPPROTO_TCP, 54, FRAME_REFUSE, FRAME_REFUSE },
		{ "fd00::77", IPPROTO_TCP, 80, FRAME_REFUSE, FRAME_REFUSE },
		{ "::1", IPPROTO_TCP, 80, FRAME_REFUSE, FRAME_REFUSE },
		{ "::1", IPPROTO_UDP, 53, FRAME_DROP, FRAME_DROP },
		{ "::", IPPROTO_UDP, 53, FRAME_DROP, FRAME_DROP },
		{ "::ffff:127.0.0.1", IPPROTO_UDP, 80, FRAME_DROP, FRAME_DROP },
		{ "::127.0.0.1", IPPROTO_UDP, 80, FRAME_DROP, FRAME_DROP },
		{ "fe80::2", IPPROTO_UDP, 80, FRAME_DROP, FRAME_DROP },
		{ "ff02::1", IPPROTO_UDP, 80, FRAME_DROP, FRAME_DROP },
		{ "ff02::1", IPPROTO_TCP, 80, FRAME_DROP, FRAME_DROP },
		{ "ff02::2", IPPROTO_ICMPV6, 133, FRAME_DROP, FRAME_DROP },
		{ "ff02::1:ff00:2", IPPROTO_ICMPV6, 135, FRAME_PASS, FRAME_PASS },
	};
	struct frame_policy closed = policy(false), open = policy(true);
	uint8_t f[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len = make(f, rows[i].dst, rows[i].proto, rows[i].port);

		if (frame_judge(f, len, &closed) != rows[i].closed ||
		    frame_judge(f, len, &open) != rows[i].open)
			fail_msg("%s proto %u port %u", rows[i].dst,
				 rows[i].proto, rows[i].port);
		/* Cut anywhere, it never passes (nor is read beyond). */
		for (size_t cut = 0; cut < len; cut++)
			assert_int_equal(frame_judge(f, cut, &open), FRAME_DROP);
	}
}

static void test_no_ip6(void **state)
{
	struct frame_policy p = policy(true);
	uint8_t f[128];
	size_t len = make(f, "2001:db8::1", IPPROTO_TCP, 80);

	(void)state;
	p.has_ip6 = false;
	assert_int_equal(frame_judge(f, len, &p), FRAME_DROP);
}

static void test_no_dns(void **state)
{
	struct frame_policy p = policy(false);
	uint8_t f[128];

	(void)state;
	p.has_dns = false;
	assert_int_equal(frame_judge(f, make(f, "10.0.2.3", IPPROTO_UDP, 53), &p),
			 FRAME_DROP);
}

static void test_fragments(void **state)
{
	struct frame_policy p = policy(true);
	uint8_t f[128];
	size_t len = make(f, "1.2.3.4", IPPROTO_UDP, 80);

	(void)state;
	f[ETH + 6] = 0x20;
	assert_int_equal(frame_judge(f, len, &p), FRAME_PASS);
	len = make(f, "1.2.3.4", IPPROTO_TCP, 80);
	f[ETH + 7] = 1;
	assert_int_equal(frame_judge(f, len, &p), FRAME_DROP);
	len = make(f, "10.0.2.2", IPPROTO_UDP, 80);
	f[ETH + 6] = 0x20;
	assert_int_equal(frame_judge(f, len, &p), FRAME_DROP);
}

static bool tcp_sum_is_good(const uint8_t *f)
{
	bool is_ip6 = f[12] == 0x86;
	const uint8_t *ip = f + ETH;
	uint32_t sum = sum16(IPPROTO_TCP + 20, ip + (is_ip6 ? 8 : 12), is_ip6 ? 32 : 8);

	return sum16(sum, ip + (is_ip6 ? 40 : 20), 20) == 0xffff;
}

static void test_urgent(void **state)
{
	static const char *const dst[] = { "1.2.3.4", "2001:db8::1" };
	struct frame_policy p = policy(false);
	uint8_t f[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(dst); i++) {
		size_t len = make(f, dst[i], IPPROTO_TCP, 80);
		uint8_t *tcp = f + len - 20;
		uint32_t sum = (uint32_t)(uint16_t)~((uint32_t)tcp[16] << 8 | tcp[17]);

		/* The sender's own urgent flag, in a correct checksum. */
		tcp[13] |= 0x20;
		tcp[18] = 0x12;
		tcp[19] = 0x34;
		sum += 0x20 + 0x1234;
		sum = ~((sum & 0xffff) + (sum >> 16));
		tcp[16] = (uint8_t)(sum >> 8);
		tcp[17] = (uint8_t)sum;
		assert_true(tcp_sum_is_good(f));
		assert_int_equal(frame_judge(f, len, &p), FRAME_PASS);
		assert_int_equal(tcp[13], 0x02);
		assert_int_equal(tcp[18] | tcp[19], 0);
		assert_true(tcp_sum_is_good(f));
	}
}

static void test_reset(void **state)
{
	static const char *const dst[] = { "10.0.2.2", "fd00::2" };
	uint8_t f[128], r[FRAME_RESET_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(dst); i++) {
		size_t len = make(f, dst[i], IPPROTO_TCP, 80);
		size_t n = frame_reset(r, f);
		const uint8_t *tcp = r + n - 20;

		assert_int_equal(n, len);
		assert_int_equal(tcp[13], 0x14);
		assert_int_equal(tcp[11], 1);		/* the SYN counts */
		assert_int_equal(tcp[1], 80);
		assert_true(tcp_sum_is_good(r));
		if (i == 0)
			assert_int_equal(sum16(0, r + ETH, 20), 0xffff);
	}
}

static void test_others(void **state)
{
	struct frame_policy p = policy(true);
	uint8_t f[128] = { 0 };
	size_t len = make(f, "fd00::100", IPPROTO_ICMPV6, 134);

	(void)state;
	assert_true(frame_is_router_advert(f, len));
	len = make(f, "fd00::100", IPPROTO_ICMPV6, 136);
	assert_false(frame_is_router_advert(f, len));
	f[12] = 0x88;
	f[13] = 0xf8;				/* NC-SI, which libslirp answers */
	assert_int_equal(frame_judge(f, len, &p), FRAME_DROP);
	f[12] = 0x08;
	f[13] = 0x06;
	assert_int_equal(frame_judge(f, 42, &p), FRAME_PASS);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_no_ip6),
		cmocka_unit_test(test_no_dns),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_urgent),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
