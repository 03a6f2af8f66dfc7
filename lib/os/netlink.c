#include "lib/os/netlink.h"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define REQ_MAX 512

/* A request being built.  Its attributes are of fixed, small sizes. */
struct req {
	struct nlmsghdr head;
	char data[REQ_MAX];
};

static void *tail(struct req *q)
{
	return (char *)q + NLMSG_ALIGN(q->head.nlmsg_len);
}

static void *begin(struct req *q, uint16_t type, uint16_t flags, size_t body)
{
	memset(q, 0, sizeof(*q));
	q->head.nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
	q->head.nlmsg_type = type;
	q->head.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	q->head.nlmsg_seq = 1;
	return NLMSG_DATA(&q->head);
}

static struct rtattr *attr(struct req *q, uint16_t type, const void *data,
			   size_t len)
{
	struct rtattr *a = tail(q);

	a->rta_type = type;
	a->rta_len = (uint16_t)RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(a), data, len);
	q->head.nlmsg_len = (uint32_t)(NLMSG_ALIGN(q->head.nlmsg_len) +
				       RTA_ALIGN(a->rta_len));
	return a;
}

static void end_nest(struct req *q, struct rtattr *a)
{
	a->rta_len = (uint16_t)((char *)tail(q) - (char *)a);
}

static int ask(int nl, struct req *q)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr err;
		char rest[REQ_MAX];
	} answer;
	ssize_t n;

	do
		n = send(nl, q, q->head.nlmsg_len, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	do
		n = recv(nl, &answer, sizeof(answer), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n < NLMSG_LENGTH(sizeof(answer.err)) ||
	    answer.head.nlmsg_type != NLMSG_ERROR)
		return -EPROTO;
	return answer.err.error;
}

int netlink_open(void)
{
	int nl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	return nl < 0 ? -errno : nl;
}

int netlink_index(int nl, const char *name)
{
	struct ifreq ifr;

	memset(&ifr, 0, sizeof(ifr));
	memcpy(ifr.ifr_name, name, strnlen(name, IFNAMSIZ - 1));
	/* Interface ioctls work on any socket of the namespace. */
	return ioctl(nl, SIOCGIFINDEX, &ifr) < 0 ? -errno : ifr.ifr_ifindex;
}

int netlink_link_up(int nl, int index, uint32_t mtu)
{
	struct req q;
	struct ifinfomsg *m = begin(&q, RTM_NEWLINK, 0, sizeof(*m));

	m->ifi_index = index;
	m->ifi_flags = IFF_UP;
	m->ifi_change = IFF_UP;
	if (mtu)
		attr(&q, IFLA_MTU, &mtu, sizeof(mtu));
	return ask(nl, &q);
}

int netlink_link_mute(int nl, int index)
{
	static const uint8_t none = IN6_ADDR_GEN_MODE_NONE;
	struct req q;
	struct ifinfomsg *m = begin(&q, RTM_NEWLINK, 0, sizeof(*m));
	struct rtattr *spec, *inet6;
	int r;

	m->ifi_index = index;
	m->ifi_flags = IFF_NOARP;
	m->ifi_change = IFF_NOARP;
	r = ask(nl, &q);
	if (r < 0)
		return r;

	m = begin(&q, RTM_NEWLINK, 0, sizeof(*m));
	m->ifi_index = index;
	spec = attr(&q, IFLA_AF_SPEC, NULL, 0);
	inet6 = attr(&q, AF_INET6, NULL, 0);
	attr(&q, IFLA_INET6_ADDR_GEN_MODE, &none, sizeof(none));
	end_nest(&q, inet6);
	end_nest(&q, spec);
	r = ask(nl, &q);
	/* A kernel without IPv6 has nothing to mute. */
	return r == -EAFNOSUPPORT || r == -EOPNOTSUPP ? 0 : r;
}

int netlink_link_move(int nl, int index, pid_t pid, const char *name)
{
	uint32_t there = (uint32_t)pid;
	struct req q;
	struct ifinfomsg *m = begin(&q, RTM_NEWLINK, 0, sizeof(*m));

	m->ifi_index = index;
	attr(&q, IFLA_NET_NS_PID, &there, sizeof(there));
	attr(&q, IFLA_IFNAME, name, strnlen(name, IFNAMSIZ - 1) + 1);
	return ask(nl, &q);
}

int netlink_add_veth(int nl, const char *name, const char *peer)
{
	static const char kind[] = "veth";
	struct ifinfomsg none = { .ifi_family = AF_UNSPEC };
	struct req q;
	struct rtattr *info, *data, *other;

	begin(&q, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
	      sizeof(struct ifinfomsg));
	attr(&q, IFLA_IFNAME, name, strnlen(name, IFNAMSIZ - 1) + 1);
	info = attr(&q, IFLA_LINKINFO, NULL, 0);
	attr(&q, IFLA_INFO_KIND, kind, sizeof(kind));
	data = attr(&q, IFLA_INFO_DATA, NULL, 0);
	other = attr(&q, VETH_INFO_PEER, &none, sizeof(none));
	attr(&q, IFLA_IFNAME, peer, strnlen(peer, IFNAMSIZ - 1) + 1);
	end_nest(&q, other);
	end_nest(&q, data);
	end_nest(&q, info);
	return ask(nl, &q);
}

static size_t addr_len(int family)
{
	return family == AF_INET6 ? 16 : 4;
}

int netlink_add_addr(int nl, int index, int family, const void *addr,
		     uint8_t prefix)
{
	struct req q;
	struct ifaddrmsg *m = begin(&q, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL,
				    sizeof(*m));

	m->ifa_family = (uint8_t)family;
	m->ifa_prefixlen = prefix;
	m->ifa_index = (uint32_t)index;
	if (family == AF_INET6)
		m->ifa_flags = IFA_F_NODAD;
	attr(&q, IFA_LOCAL, addr, addr_len(family));
	attr(&q, IFA_ADDRESS, addr, addr_len(family));
	return ask(nl, &q);
}

/* RTA_NEXT and NLMSG_NEXT, whose arithmetic compilers do not like. */
static const struct rtattr *next_attr(const struct rtattr *a, int *left)
{
	size_t len = RTA_ALIGN(a->rta_len);

	*left -= (int)len;
	return (const void *)((const char *)a + len);
}

static const struct nlmsghdr *next_message(const struct nlmsghdr *h, int *left)
{
	size_t len = NLMSG_ALIGN(h->nlmsg_len);

	*left -= (int)len;
	return (const void *)((const char *)h + len);
}

/* Is it one of those that netlink_get_addrs() wants? */
static bool read_addr(struct netlink_addr *out, const struct nlmsghdr *h, int index)
{
	const struct ifaddrmsg *m = NLMSG_DATA(h);
	uint32_t flags = m->ifa_flags;
	const void *own = NULL, *any = NULL;
	int left = (int)IFA_PAYLOAD(h);

	if (h->nlmsg_type != RTM_NEWADDR || m->ifa_index != (uint32_t)index ||
	    m->ifa_scope != RT_SCOPE_UNIVERSE ||
	    (m->ifa_family != AF_INET && m->ifa_family != AF_INET6))
		return false;
	for (const struct rtattr *a = IFA_RTA(m); RTA_OK(a, left); a = next_attr(a, &left)) {
		if (a->rta_type == IFA_FLAGS && RTA_PAYLOAD(a) == sizeof(flags))
			memcpy(&flags, RTA_DATA(a), sizeof(flags));
		if (RTA_PAYLOAD(a) != addr_len(m->ifa_family))
			continue;
		if (a->rta_type == IFA_LOCAL)
			own = RTA_DATA(a);
		if (a->rta_type == IFA_ADDRESS)
			any = RTA_DATA(a);
	}
	/* Only a link to a single peer has both, and then they differ. */
	own = own ? own : any;
	if (!own || !(flags & IFA_F_PERMANENT))
		return false;
	out->family = m->ifa_family;
	out->prefix = m->ifa_prefixlen;
	memcpy(out->bytes, own, addr_len(m->ifa_family));
	return true;
}

int netlink_get_addrs(int nl, int index, struct netlink_addr *out, size_t max)
{
	union {
		char bytes[16384];
		struct nlmsghdr align;
	} part;
	struct req q;
	int count = 0;

	begin(&q, RTM_GETADDR, NLM_F_DUMP, sizeof(struct ifaddrmsg));
	if (send(nl, &q, q.head.nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t n = recv(nl, &part, sizeof(part), 0);
		int left = (int)n;

		if (n < 0 && errno != EINTR)
			return -errno;
		for (const struct nlmsghdr *h = &part.align; n > 0 && NLMSG_OK(h, left);
		     h = next_message(h, &left)) {
			struct netlink_addr one;

			if (h->nlmsg_type == NLMSG_DONE)
				return count > (int)max ? -E2BIG : count;
			if (h->nlmsg_type == NLMSG_ERROR)
				return -EPROTO;
			if (read_addr(&one, h, index) && count++ < (int)max)
				out[count - 1] = one;
		}
	}
}

int netlink_add_default(int nl, int index, int family, const void *gateway)
{
	struct req q;
	struct rtmsg *m = begin(&q, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL,
				sizeof(*m));

	m->rtm_family = (uint8_t)family;
	m->rtm_table = RT_TABLE_MAIN;
	m->rtm_protocol = RTPROT_BOOT;
	m->rtm_scope = RT_SCOPE_UNIVERSE;
	m->rtm_type = RTN_UNICAST;
	attr(&q, RTA_GATEWAY, gateway, addr_len(family));
	attr(&q, RTA_OIF, &index, sizeof(index));
	return ask(nl, &q);
}

int netlink_add_mark_local(int nl, int family, uint32_t mark, uint8_t table)
{
	/* Before the local table at 0, which has priority 0, nothing may come;
	 * before main at 32766 we must. */
	static const uint32_t priority = 100;
	struct req q;
	struct fib_rule_hdr *h;
	struct rtmsg *m;
	int lo = netlink_index(nl, "lo");
	int r;

	if (lo < 0)
		return lo;
	h = begin(&q, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, sizeof(*h));
	h->family = (uint8_t)family;
	h->table = table;
	h->action = FR_ACT_TO_TBL;
	attr(&q, FRA_PRIORITY, &priority, sizeof(priority));
	attr(&q, FRA_FWMARK, &mark, sizeof(mark));
	r = ask(nl, &q);
	if (r < 0 && r != -EEXIST)
		return r;

	m = begin(&q, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(*m));
	m->rtm_family = (uint8_t)family;
	m->rtm_table = table;
	m->rtm_protocol = RTPROT_BOOT;
	m->rtm_scope = RT_SCOPE_HOST;
	m->rtm_type = RTN_LOCAL;
	attr(&q, RTA_OIF, &lo, sizeof(lo));
	r = ask(nl, &q);
	return r == -EEXIST ? 0 : r;
}

int netlink_lo_up(void)
{
	int nl = netlink_open();
	int r;

	if (nl < 0)
		return nl;
	r = netlink_index(nl, "lo");
	if (r >= 0)
		r = netlink_link_up(nl, r, 0);
	fd_auto(&nl);
	return r;
}
