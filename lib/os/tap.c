#include "lib/os/tap.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "lib/os/netlink.h"

/* The far end of the veth pair: visible inside, used by nobody there. */
#define PEER_NAME "coracle-net"

const char *tap_step_text(enum tap_step step)
{
	static const char *const text[TAP_STEPS] = {
		[TAP_STEP_NETLINK] = "talk to the kernel's routing",
		[TAP_STEP_LO] = "raise lo",
		[TAP_STEP_OPEN] = "open the tun device",
		[TAP_STEP_CREATE] = "create the link",
		[TAP_STEP_PACKET] = "open a packet socket",
		[TAP_STEP_OFFLOAD] = "turn checksum offload off",
		[TAP_STEP_UP] = "raise the link",
		[TAP_STEP_ADDR4] = "add the IPv4 address",
		[TAP_STEP_ROUTE4] = "add the IPv4 route",
		[TAP_STEP_ADDR6] = "add the IPv6 address",
		[TAP_STEP_ROUTE6] = "add the IPv6 route",
	};

	return (unsigned)step < TAP_STEPS ? text[step] : "set up the link";
}

static void set_name(struct ifreq *ifr, const char *name)
{
	memset(ifr, 0, sizeof(*ifr));
	memcpy(ifr->ifr_name, name, strnlen(name, IFNAMSIZ - 1));
}

static int open_tun(const struct tap_config *c, enum tap_step *step)
{
	AUTO_FD int fd = -1;
	struct ifreq ifr;

	*step = TAP_STEP_OPEN;
	fd = open(c->tun_path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	*step = TAP_STEP_CREATE;
	set_name(&ifr, c->name);
	ifr.ifr_flags = IFF_TAP | IFF_NO_PI;
	if (ioctl(fd, TUNSETIFF, &ifr) < 0)
		return -errno;
	return take_fd(&fd);
}

/* A packet socket sees frames before a device would fill in checksums or cut
 * segments, so the sender has to do both. */
static int offload_off(int sock, const char *name)
{
	static const uint32_t commands[] = {
		ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO,
	};

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		struct ethtool_value v = { .cmd = commands[i] };
		struct ifreq ifr;

		set_name(&ifr, name);
		ifr.ifr_data = (char *)&v;
		if (ioctl(sock, SIOCETHTOOL, &ifr) < 0 && errno != EOPNOTSUPP)
			return -errno;
	}
	return 0;
}

static int open_packet(int nl, const struct tap_config *c, enum tap_step *step)
{
	static const int on = 1;
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
	};
	AUTO_FD int fd = -1;
	int r;

	*step = TAP_STEP_CREATE;
	r = netlink_add_veth(nl, c->name, PEER_NAME);
	if (r < 0)
		return r;
	at.sll_ifindex = netlink_index(nl, PEER_NAME);
	if (at.sll_ifindex < 0)
		return at.sll_ifindex;
	r = netlink_link_mute(nl, at.sll_ifindex);
	if (r < 0)
		return r;

	*step = TAP_STEP_PACKET;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;

	*step = TAP_STEP_OFFLOAD;
	r = offload_off(fd, c->name);
	if (r < 0)
		return r;
	*step = TAP_STEP_UP;
	r = netlink_link_up(nl, at.sll_ifindex, c->mtu);
	return r < 0 ? r : take_fd(&fd);
}

static bool is_no_tun(int r, enum tap_step step)
{
	if (step == TAP_STEP_OPEN)
		return r == -ENOENT || r == -ENXIO || r == -ENODEV ||
		       r == -EACCES || r == -EPERM;
	/* Somebody else's device node, or one that a device cgroup guards. */
	return step == TAP_STEP_CREATE && (r == -ENOTTY || r == -EPERM);
}

/* The host may be without IPv6; the container then is as well. */
static bool is_no_ip6(int r)
{
	return r == -EOPNOTSUPP || r == -EAFNOSUPPORT || r == -EACCES ||
	       r == -EPERM;
}

static int configure(int nl, const struct tap_config *c, enum tap_step *step)
{
	int index = netlink_index(nl, c->name);
	int r;

	*step = TAP_STEP_UP;
	if (index < 0)
		return index;
	r = netlink_link_up(nl, index, c->mtu);
	if (r < 0)
		return r;
	*step = TAP_STEP_ADDR4;
	r = netlink_add_addr(nl, index, AF_INET, &c->addr4, c->prefix4);
	if (r < 0)
		return r;
	*step = TAP_STEP_ROUTE4;
	r = netlink_add_default(nl, index, AF_INET, &c->gateway4);
	if (r < 0 || !c->has_ip6)
		return r;
	*step = TAP_STEP_ADDR6;
	r = netlink_add_addr(nl, index, AF_INET6, &c->addr6, c->prefix6);
	if (r < 0)
		return is_no_ip6(r) ? 0 : r;
	*step = TAP_STEP_ROUTE6;
	return netlink_add_default(nl, index, AF_INET6, &c->gateway6);
}

int tap_setup(struct tap *out, const struct tap_config *c, enum tap_step *failed)
{
	AUTO_FD int nl = -1;
	AUTO_FD int fd = -1;
	enum tap_kind kind = TAP_TUN;
	int r;

	*failed = TAP_STEP_NETLINK;
	nl = netlink_open();
	if (nl < 0)
		return nl;
	*failed = TAP_STEP_LO;
	r = netlink_index(nl, "lo");
	if (r >= 0)
		r = netlink_link_up(nl, r, 0);
	if (r < 0)
		return r;

	r = -ENODEV;
	*failed = TAP_STEP_OPEN;
	if (c->allow != TAP_ALLOW_PACKET)
		r = fd = open_tun(c, failed);
	if (c->allow != TAP_ALLOW_TUN && fd < 0 && is_no_tun(r, *failed)) {
		kind = TAP_PACKET;
		r = fd = open_packet(nl, c, failed);
	}
	if (r < 0)
		return r;
	r = configure(nl, c, failed);
	if (r < 0)
		return r;
	*out = (struct tap){ .fd = take_fd(&fd), .kind = kind };
	return 0;
}
