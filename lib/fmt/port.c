#include "lib/fmt/port.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"

/* "[" address "]:" two ranges of ports and a protocol */
#define MAX_TEXT 128

struct range {
	uint16_t first;
	uint16_t last;			/* both 0: none given */
};

static const char *const proto_names[] = {
	[PORT_TCP] = "tcp",
	[PORT_UDP] = "udp",
};

void ports_clear(struct ports *p)
{
	int saved = errno;

	free(p->at);
	*p = (struct ports)PORTS_INIT;
	errno = saved;
}

void ports_add(struct ports *p, const struct port *one)
{
	p->at = mem_grow(p->at, p->len + 1, sizeof(*p->at));
	p->at[p->len++] = *one;
}

const char *port_proto_name(enum port_proto proto)
{
	return proto_names[proto];
}

static int parse_one(const char *text, uint16_t *out, struct err *e)
{
	uint64_t v;
	int r = num_u64(text, 1, UINT16_MAX, &v, e);

	if (r < 0)
		return err_ctx(e, r, "port");
	*out = (uint16_t)v;
	return 0;
}

/* "N" or "N-M"; text is written to. */
static int parse_range(char *text, struct range *out, struct err *e)
{
	char *end = strchr(text, '-');
	struct range v;
	int r;

	if (end)
		*end++ = '\0';
	r = parse_one(text, &v.first, e);
	v.last = v.first;
	if (r == 0 && end)
		r = parse_one(end, &v.last, e);
	if (r < 0)
		return r;
	if (v.last < v.first)
		return err_set(e, EINVAL, "the range ends before it begins");
	*out = v;
	return 0;
}

/* Cuts "/proto" off. */
static int parse_proto(char *text, enum port_proto *out, struct err *e)
{
	char *slash = strchr(text, '/');

	*out = PORT_TCP;
	if (!slash)
		return 0;
	*slash++ = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(proto_names); i++) {
		if (strcasecmp(slash, proto_names[i]) == 0) {
			*out = (enum port_proto)i;
			return 0;
		}
	}
	return err_set(e, EINVAL, "protocol '%s' is not tcp or udp", slash);
}

/* Cuts "IP:" off the front: *text is moved behind it. */
static int parse_ip(char **text, char out[static PORT_IP_MAX], struct err *e)
{
	unsigned char bytes[sizeof(struct in6_addr)];
	char *ip = *text;
	char *end;
	int family = AF_INET;

	if (*ip == '[') {
		family = AF_INET6;
		end = strchr(++ip, ']');
		if (!end || end[1] != ':')
			return err_set(e, EINVAL, "no ']:' behind the address");
		*end++ = '\0';
	} else {
		end = strchr(ip, ':');
		if (!end || !strchr(end + 1, ':'))
			return 0;
	}
	*end = '\0';
	*text = end + 1;
	if (!*ip && family == AF_INET)
		return 0;
	if (inet_pton(family, ip, bytes) != 1 ||
	    !inet_ntop(family, bytes, out, PORT_IP_MAX))
		return err_set(e, EINVAL, "'%s' is not an IP address", ip);
	return 0;
}

static int add_range(struct ports *out, struct port one, struct range host,
		     struct range ctr, struct err *e)
{
	size_t count = (size_t)(ctr.last - ctr.first) + 1;

	if (host.first && host.last - host.first != ctr.last - ctr.first)
		return err_set(e, EINVAL, "the ranges differ in length");
	if (count > MAX_PORTS || out->len > MAX_PORTS - count)
		return err_set(e, E2BIG, "more than %d ports", MAX_PORTS);
	for (size_t i = 0; i < count; i++) {
		one.ctr = (uint16_t)(ctr.first + i);
		one.host = host.first ? (uint16_t)(host.first + i) : 0;
		ports_add(out, &one);
	}
	return 0;
}

static int parse_publish(struct ports *out, char *text, struct err *e)
{
	struct range host = { 0, 0 }, ctr = { 0, 0 };
	struct port one = { .ip = "" };
	char *colon;
	int r = parse_proto(text, &one.proto, e);

	if (r == 0)
		r = parse_ip(&text, one.ip, e);
	if (r < 0)
		return r;
	colon = strchr(text, ':');
	if (colon)
		*colon++ = '\0';
	if (colon && *text)
		r = parse_range(text, &host, e);
	if (r == 0)
		r = parse_range(colon ? colon : text, &ctr, e);
	return r < 0 ? r : add_range(out, one, host, ctr, e);
}

int port_parse(struct ports *out, const char *text, struct err *e)
{
	char copy[MAX_TEXT];
	int r;

	if (!str_copy(copy, sizeof(copy), text))
		return err_set(e, EINVAL, "published port '%s' is too long", text);
	r = parse_publish(out, copy, e);
	return r < 0 ? err_ctx(e, r, "published port '%s'", text) : 0;
}

int port_parse_expose(struct ports *out, const char *text, struct err *e)
{
	static const struct range none = { 0, 0 };
	struct port one = { .ip = "" };
	char copy[MAX_TEXT];
	struct range ctr;
	int r;

	if (!str_copy(copy, sizeof(copy), text))
		return err_set(e, EINVAL, "exposed port '%s' is too long", text);
	r = parse_proto(copy, &one.proto, e);
	if (r == 0)
		r = parse_range(copy, &ctr, e);
	if (r == 0)
		r = add_range(out, one, none, ctr, e);
	return r < 0 ? err_ctx(e, r, "exposed port '%s'", text) : 0;
}

static void print_ip(const char *ip, struct buf *b)
{
	buf_addf(b, strchr(ip, ':') ? "[%s]:" : "%s:", ip);
}

void port_print(const struct port *p, struct buf *b)
{
	if (*p->ip)
		print_ip(p->ip, b);
	if (p->host)
		buf_addf(b, "%u:", p->host);
	else if (*p->ip)
		buf_addc(b, ':');
	buf_addf(b, "%u/%s", p->ctr, proto_names[p->proto]);
}

/* Do b's ports follow directly on those of a? */
static bool follows(const struct port *a, const struct port *b)
{
	return str_eq(a->ip, b->ip) && a->proto == b->proto &&
	       b->ctr == a->ctr + 1 &&
	       (a->host ? b->host == a->host + 1 : !b->host);
}

static void print_range(uint16_t first, size_t more, struct buf *b)
{
	buf_addf(b, "%u", first);
	if (more)
		buf_addf(b, "-%zu", first + more);
}

void ports_print(const struct ports *p, struct buf *b)
{
	for (size_t i = 0; i < p->len;) {
		const struct port *first = &p->at[i];
		size_t more = 0;

		while (i + more + 1 < p->len &&
		       follows(first + more, first + more + 1))
			more++;
		if (i)
			buf_adds(b, ", ");
		if (first->host) {
			print_ip(*first->ip ? first->ip : "0.0.0.0", b);
			print_range(first->host, more, b);
			buf_adds(b, "->");
		}
		print_range(first->ctr, more, b);
		buf_addf(b, "/%s", proto_names[first->proto]);
		i += more + 1;
	}
}
