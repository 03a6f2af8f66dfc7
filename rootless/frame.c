#include "rootless/frame.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <string.h>

#define ETH 14
#define IP4_MIN 20
#define IP6 40
#define TCP_MIN 20
#define UDP 8
#define TCP_RST 0x04
#define TCP_ACK 0x10
#define TCP_URG 0x20
#define PORT_DNS 53
#define ICMP4_ECHO 8
#define ICMP6_ECHO 128
#define ICMP6_ADVERT 134
#define ICMP6_NEIGHBOUR 135
#define ICMP6_NEIGHBOUR_ADVERT 136

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint32_t add(uint32_t sum, const uint8_t *p, size_t len)
{
	for (; len > 1; p += 2, len -= 2)
		sum += get16(p);
	return sum;
}

/* A 16-bit word of a TCP segment changes: RFC 1624, equation 3. */
static void change(uint8_t *tcp, size_t at, uint16_t to)
{
	uint32_t sum = (uint16_t)~get16(tcp + 16);

	sum += (uint16_t)~get16(tcp + at);
	sum += to;
	put16(tcp + 16, (uint16_t)~fold(sum));
	put16(tcp + at, to);
}

static bool clean_tcp(uint8_t *tcp, size_t len)
{
	if (len < TCP_MIN)
		return false;
	if (tcp[13] & TCP_URG)
		change(tcp, 12, get16(tcp + 12) & (uint16_t)~TCP_URG);
	if (get16(tcp + 18))
		change(tcp, 18, 0);
	return true;
}

/* Where a packet goes, as far as this network is concerned. */
enum target { OUTSIDE, HOST, DNS, NOWHERE };

static enum frame_verdict judge_l4(uint8_t *l4, size_t len, uint8_t proto,
				   enum target to, const struct frame_policy *p)
{
	bool is_open = to == OUTSIDE || (to == HOST && p->host_loopback);

	switch (proto) {
	case IPPROTO_TCP:
		if (!clean_tcp(l4, len))
			return FRAME_DROP;
		if (is_open || (to == DNS && get16(l4 + 2) == PORT_DNS))
			return FRAME_PASS;
		return l4[13] & TCP_RST ? FRAME_DROP : FRAME_REFUSE;
	case IPPROTO_UDP:
		if (len < UDP)
			return FRAME_DROP;
		if (is_open || (to == DNS && get16(l4 + 2) == PORT_DNS))
			return FRAME_PASS;
		return FRAME_DROP;
	default:
		return FRAME_DROP;
	}
}

static enum target target4(uint32_t dst, const struct frame_policy *p)
{
	uint32_t host = ntohl(p->host4.s_addr);
	uint32_t mask = ntohl(p->mask4.s_addr);

	if (dst == host)
		return HOST;
	if (p->has_dns && dst == ntohl(p->dns4.s_addr))
		return DNS;
	if (dst >> 24 == 127 || dst >> 24 == 0 || dst >> 28 >= 14 ||
	    (dst & mask) == (host & mask))
		return NOWHERE;
	return OUTSIDE;
}

static enum frame_verdict judge4(uint8_t *ip, size_t len,
				 const struct frame_policy *p)
{
	enum target to;
	size_t head, total;
	bool is_fragment;

	if (len < IP4_MIN)
		return FRAME_DROP;
	head = (size_t)(ip[0] & 15) * 4;
	total = get16(ip + 2);
	if (ip[0] >> 4 != 4 || head < IP4_MIN || total < head || total > len)
		return FRAME_DROP;
	to = target4(get32(ip + 16), p);
	if (to == NOWHERE && ip[9] != IPPROTO_TCP)
		return FRAME_DROP;

	/* Ports and flags of a fragment may hide in another one. */
	is_fragment = get16(ip + 6) & 0x3fff;
	if (is_fragment)
		return ip[9] != IPPROTO_TCP && to == OUTSIDE ? FRAME_PASS :
							       FRAME_DROP;
	if (ip[9] == IPPROTO_ICMP)
		return total - head >= 8 && ip[head] == ICMP4_ECHO ? FRAME_PASS :
								      FRAME_DROP;
	return judge_l4(ip + head, total - head, ip[9], to, p);
}

static bool is_same_net6(const uint8_t *a, const uint8_t *b, unsigned prefix)
{
	unsigned bytes = prefix / 8, bits = prefix % 8;

	if (memcmp(a, b, bytes))
		return false;
	return !bits || (a[bytes] ^ b[bytes]) >> (8 - bits) == 0;
}

static enum target target6(const uint8_t *dst, const struct frame_policy *p)
{
	static const uint8_t zero[16], mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (!memcmp(dst, &p->host6, 16))
		return HOST;
	if (p->has_dns && !memcmp(dst, &p->dns6, 16))
		return DNS;
	if (dst[0] == 0xff || (dst[0] == 0xfe && (dst[1] & 0xc0) == 0x80) ||
	    !memcmp(dst, zero, 12) || !memcmp(dst, mapped, 12) ||
	    is_same_net6(dst, p->host6.s6_addr, p->prefix6))
		return NOWHERE;
	return OUTSIDE;
}

static enum frame_verdict judge6(uint8_t *ip, size_t len,
				 const struct frame_policy *p)
{
	enum target to;
	size_t payload;

	if (!p->has_ip6 || len < IP6 || ip[0] >> 4 != 6)
		return FRAME_DROP;
	payload = get16(ip + 4);
	if (payload > len - IP6)
		return FRAME_DROP;
	to = target6(ip + 24, p);
	if (ip[6] == IPPROTO_ICMPV6) {
		uint8_t type = payload >= 8 ? ip[IP6] : 0;

		/* Neighbours are found by multicast and on the link. */
		if (type == ICMP6_NEIGHBOUR || type == ICMP6_NEIGHBOUR_ADVERT)
			return FRAME_PASS;
		return type == ICMP6_ECHO && to != NOWHERE ? FRAME_PASS :
							      FRAME_DROP;
	}
	if (to == NOWHERE && (ip[6] != IPPROTO_TCP || ip[24] == 0xff))
		return FRAME_DROP;
	return judge_l4(ip + IP6, payload, ip[6], to, p);
}

enum frame_verdict frame_judge(uint8_t *frame, size_t len,
			       const struct frame_policy *p)
{
	if (len < ETH)
		return FRAME_DROP;
	switch (get16(frame + 12)) {
	case ETHERTYPE_ARP:
		return FRAME_PASS;
	case ETHERTYPE_IP:
		return judge4(frame + ETH, len - ETH, p);
	case ETHERTYPE_IPV6:
		return judge6(frame + ETH, len - ETH, p);
	default:
		return FRAME_DROP;
	}
}

bool frame_is_router_advert(const uint8_t *frame, size_t len)
{
	return len > ETH + IP6 && get16(frame + 12) == ETHERTYPE_IPV6 &&
	       frame[ETH + 6] == IPPROTO_ICMPV6 &&
	       frame[ETH + IP6] == ICMP6_ADVERT;
}

/* The reset that RFC 9293, 3.5.2 wants for a segment without connection. */
static void reset_tcp(uint8_t *out, const uint8_t *in, size_t payload)
{
	uint32_t next = get32(in + 4) + (uint32_t)payload;

	memset(out, 0, TCP_MIN);
	memcpy(out, in + 2, 2);
	memcpy(out + 2, in, 2);
	out[12] = TCP_MIN / 4 << 4;
	if (in[13] & TCP_ACK) {
		memcpy(out + 4, in + 8, 4);
		out[13] = TCP_RST;
	} else {
		put32(out + 8, next + (in[13] & 1) + (in[13] >> 1 & 1));
		out[13] = TCP_RST | TCP_ACK;
	}
}

size_t frame_reset(uint8_t out[static FRAME_RESET_MAX], const uint8_t *frame)
{
	const uint8_t *ip = frame + ETH;
	bool is_ip6 = ip[0] >> 4 == 6;
	size_t head = is_ip6 ? IP6 : (size_t)(ip[0] & 15) * 4;
	size_t all = is_ip6 ? IP6 + (size_t)get16(ip + 4) : get16(ip + 2);
	size_t tcp_head = (size_t)(ip[head + 12] >> 4) * 4;
	size_t out_head = is_ip6 ? IP6 : IP4_MIN;
	size_t alen = is_ip6 ? 16 : 4, src = is_ip6 ? 8 : 12;
	uint8_t *o = out + ETH;
	uint8_t *tcp = o + out_head;

	memset(out, 0, FRAME_RESET_MAX);
	memcpy(out, frame + 6, 6);
	memcpy(out + 6, frame, 6);
	memcpy(out + 12, frame + 12, 2);
	memcpy(o + src, ip + src + alen, alen);
	memcpy(o + src + alen, ip + src, alen);
	if (is_ip6) {
		o[0] = 0x60;
		put16(o + 4, TCP_MIN);
		o[6] = IPPROTO_TCP;
		o[7] = 64;
	} else {
		o[0] = 0x45;
		put16(o + 2, IP4_MIN + TCP_MIN);
		o[8] = 64;
		o[9] = IPPROTO_TCP;
		put16(o + 10, (uint16_t)~fold(add(0, o, IP4_MIN)));
	}
	reset_tcp(tcp, ip + head,
		  tcp_head < all - head ? all - head - tcp_head : 0);
	put16(tcp + 16, (uint16_t)~fold(add(IPPROTO_TCP + TCP_MIN +
						    add(0, o + src, alen * 2),
					    tcp, TCP_MIN)));
	return ETH + out_head + TCP_MIN;
}
