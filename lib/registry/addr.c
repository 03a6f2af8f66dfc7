#include "lib/registry/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/str.h"

static enum addr_class class_v4(uint32_t a)
{
	if (a >> 24 == 127 || a >> 24 == 0)
		return ADDR_LOOPBACK;
	if (a >> 16 == 0xa9fe)
		return ADDR_LINK_LOCAL;
	if (a >> 28 >= 0xe)
		return ADDR_NOWHERE;
	return ADDR_ORDINARY;
}

static uint32_t last_four(const struct in6_addr *a)
{
	uint32_t v4;

	memcpy(&v4, a->s6_addr + 12, sizeof(v4));
	return ntohl(v4);
}

static enum addr_class class_v6(const struct in6_addr *a)
{
	/* 64:ff9b::/96, RFC 6052: a gateway makes IPv4 of the last four bytes */
	static const unsigned char nat64[12] = { 0, 0x64, 0xff, 0x9b };

	if (IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_UNSPECIFIED(a))
		return ADDR_LOOPBACK;
	if (IN6_IS_ADDR_V4MAPPED(a) || IN6_IS_ADDR_V4COMPAT(a) ||
	    !memcmp(a->s6_addr, nat64, sizeof(nat64)))
		return class_v4(last_four(a));
	if (IN6_IS_ADDR_LINKLOCAL(a))
		return ADDR_LINK_LOCAL;
	if (IN6_IS_ADDR_MULTICAST(a))
		return ADDR_NOWHERE;
	return ADDR_ORDINARY;
}

enum addr_class addr_class_of(const struct sockaddr *sa)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&v4, sa, sizeof(v4));
		return class_v4(ntohl(v4.sin_addr.s_addr));
	case AF_INET6:
		memcpy(&v6, sa, sizeof(v6));
		return class_v6(&v6.sin6_addr);
	default:
		return ADDR_NOWHERE;
	}
}

/* Both families as 16 bytes, IPv4 mapped: one comparison does for all. */
static bool parse_address(const char *text, size_t len, struct in6_addr *out)
{
	char plain[INET6_ADDRSTRLEN];
	struct in_addr v4;

	if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (!len || len >= sizeof(plain))
		return false;
	memcpy(plain, text, len);
	plain[len] = '\0';
	if (inet_pton(AF_INET6, plain, out) == 1)
		return true;
	if (inet_pton(AF_INET, plain, &v4) != 1)
		return false;
	memset(out, 0, sizeof(*out));
	out->s6_addr[10] = out->s6_addr[11] = 0xff;
	memcpy(out->s6_addr + 12, &v4, sizeof(v4));
	return true;
}

bool addr_class_of_text(const char *host, enum addr_class *out)
{
	struct in6_addr a;

	if (!parse_address(host, strlen(host), &a))
		return false;
	*out = class_v6(&a);
	return true;
}

bool addr_is_loopback_host(const char *host)
{
	enum addr_class c;

	if (!strcasecmp(host, "localhost") || !strcasecmp(host, "localhost."))
		return true;
	return addr_class_of_text(host, &c) && c == ADDR_LOOPBACK;
}

static bool same_bits(const struct in6_addr *a, const struct in6_addr *b,
		      unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	unsigned char mask = (unsigned char)(0xff00 >> rest);

	if (memcmp(a->s6_addr, b->s6_addr, whole) != 0)
		return false;
	return !rest || !((a->s6_addr[whole] ^ b->s6_addr[whole]) & mask);
}

static bool in_network(const char *entry, const char *slash, const char *host)
{
	struct err ignored = ERR_INIT;
	struct in6_addr net, a;
	uint64_t bits;
	bool is_v6 = memchr(entry, ':', (size_t)(slash - entry)) != NULL;

	if (!parse_address(entry, (size_t)(slash - entry), &net) ||
	    !parse_address(host, strlen(host), &a) ||
	    num_u64(slash + 1, 0, is_v6 ? 128 : 32, &bits, &ignored) < 0)
		return false;
	return same_bits(&net, &a, (unsigned)bits + (is_v6 ? 0 : 96));
}

static bool is_domain_of(const char *entry, size_t len, const char *host)
{
	size_t host_len = strlen(host);

	while (len && *entry == '.') {
		entry++;
		len--;
	}
	if (!len || host_len < len ||
	    strncasecmp(host + host_len - len, entry, len) != 0)
		return false;
	return host_len == len || host[host_len - len - 1] == '.';
}

static bool entry_covers(const char *entry, const char *host, unsigned port)
{
	struct err ignored = ERR_INIT;
	const char *slash = strchr(entry, '/');
	const char *colon = strrchr(entry, ':');
	size_t len = strlen(entry);
	struct in6_addr a, b;
	uint64_t only;

	if (str_eq(entry, "*"))
		return true;
	if (slash)
		return in_network(entry, slash, host);
	/* "::1" is an address, "host:80" and "[::1]:80" have a port. */
	if (colon && !parse_address(entry, len, &a)) {
		if (num_u64(colon + 1, 1, UINT16_MAX, &only, &ignored) < 0 ||
		    only != port)
			return false;
		len = (size_t)(colon - entry);
	}
	if (parse_address(entry, len, &a))
		return parse_address(host, strlen(host), &b) &&
		       !memcmp(&a, &b, sizeof(a));
	return is_domain_of(entry, len, host);
}

bool addr_in_no_proxy(const char *list, const char *host, unsigned port)
{
	AUTO_FREE char *copy = mem_str(list);
	char *save = NULL;

	for (char *s = copy ? strtok_r(copy, ", \t", &save) : NULL; s;
	     s = strtok_r(NULL, ", \t", &save))
		if (entry_covers(s, host, port))
			return true;
	return false;
}
