#include "rootless/slirp.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <slirp/libslirp.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "rootless/frame.h"
#include "rootless/portfwd.h"

#define FRAME_MAX	65536
#define FRAMES		8	/* read before others get a turn */
#define SLOW_MS		1000	/* what an idle libslirp asks for */
#define KEEP_POLL	64	/* entries that are kept when fewer are needed */

struct slirp_link {
	struct loop_source src;
	struct loop *loop;
	Slirp *slirp;
	struct frame_policy policy;
	int fd;
	bool is_quiet;			/* no socket, no timer: need not be asked */
	struct pollfd *poll;		/* [0] is the loop's epoll */
	size_t poll_count;
	size_t poll_room;
	uint8_t *frame;
};

/* --- what libslirp calls --- */

/* A full link drops, as links do; TCP sends again. */
static ssize_t send_packet(const void *data, size_t len, void *opaque)
{
	struct slirp_link *s = opaque;

	if (!frame_is_router_advert(data, len))
		(void)!write(s->fd, data, len);
	return (ssize_t)len;
}

static void guest_error(const char *msg, void *opaque)
{
	(void)msg;
	(void)opaque;
}

static int64_t clock_get_ns(void *opaque)
{
	(void)opaque;
	return (int64_t)clock_mono_ns();
}

/* The one timer sends router advertisements, which nobody wants. */
static void *timer_new(SlirpTimerCb cb, void *cb_opaque, void *opaque)
{
	(void)cb;
	(void)cb_opaque;
	return opaque;
}

static void timer_free(void *timer, void *opaque)
{
	(void)timer;
	(void)opaque;
}

static void timer_mod(void *timer, int64_t expire_ms, void *opaque)
{
	(void)timer;
	(void)expire_ms;
	(void)opaque;
}

static void poll_fd_changed(int fd, void *opaque)
{
	(void)fd;
	(void)opaque;
}

static void notify(void *opaque)
{
	struct slirp_link *s = opaque;

	s->is_quiet = false;
}

static int add_poll(int fd, int events, void *opaque)
{
	struct slirp_link *s = opaque;
	short want = 0;

	if (events & SLIRP_POLL_IN)
		want |= POLLIN;
	if (events & SLIRP_POLL_OUT)
		want |= POLLOUT;
	if (events & SLIRP_POLL_PRI)
		want |= POLLPRI;
	if (s->poll_count == s->poll_room) {
		s->poll_room *= 2;
		s->poll = mem_grow(s->poll, s->poll_room, sizeof(*s->poll));
	}
	s->poll[s->poll_count] = (struct pollfd){ .fd = fd, .events = want };
	return (int)s->poll_count++;
}

static int get_revents(int i, void *opaque)
{
	struct slirp_link *s = opaque;
	short got = i > 0 && (size_t)i < s->poll_count ? s->poll[i].revents : 0;
	int events = 0;

	if (got & POLLIN)
		events |= SLIRP_POLL_IN;
	if (got & POLLOUT)
		events |= SLIRP_POLL_OUT;
	if (got & POLLPRI)
		events |= SLIRP_POLL_PRI;
	if (got & (POLLERR | POLLNVAL))
		events |= SLIRP_POLL_ERR;
	if (got & POLLHUP)
		events |= SLIRP_POLL_HUP;
	return events;
}

static const struct SlirpCb callbacks = {
	.send_packet = send_packet,
	.guest_error = guest_error,
	.clock_get_ns = clock_get_ns,
	.timer_new = timer_new,
	.timer_free = timer_free,
	.timer_mod = timer_mod,
	.register_poll_fd = poll_fd_changed,
	.unregister_poll_fd = poll_fd_changed,
	.notify = notify,
};

/* --- the link --- */

static void on_link(struct loop_source *src, uint32_t events)
{
	struct slirp_link *s =
		(void *)((char *)src - offsetof(struct slirp_link, src));
	uint8_t reset[FRAME_RESET_MAX];

	/* While it was not asked, libslirp's idea of the time stood still, and
	 * what begins now would seem to have timed out already. */
	if (s->is_quiet)
		slirp_pollfds_poll(s->slirp, 0, get_revents, s);
	s->is_quiet = false;
	for (int i = 0; i < FRAMES; i++) {
		ssize_t n = read(s->fd, s->frame, FRAME_MAX);

		if (n <= 0) {
			/* The container's network is gone before its init. */
			if (n < 0 && errno != EAGAIN && errno != EINTR &&
			    errno != ENETDOWN && events & EPOLLERR)
				loop_remove(s->loop, src);
			return;
		}
		switch (frame_judge(s->frame, (size_t)n, &s->policy)) {
		case FRAME_PASS:
			slirp_input(s->slirp, s->frame, (int)n);
			break;
		case FRAME_REFUSE:
			n = (ssize_t)frame_reset(reset, s->frame);
			(void)!write(s->fd, reset, (size_t)n);
			break;
		case FRAME_DROP:
			break;
		}
	}
}

static uint32_t mask_of(uint8_t prefix)
{
	return htonl(prefix ? ~0u << (32 - prefix) : 0);
}

static SlirpConfig slirp_config(const struct net_config *c)
{
	SlirpConfig k = {
		.version = SLIRP_CONFIG_VERSION_MAX < 4 ? SLIRP_CONFIG_VERSION_MAX : 4,
		.in_enabled = true,
		.vnetwork.s_addr = c->host4.s_addr & mask_of(c->prefix4),
		.vnetmask.s_addr = mask_of(c->prefix4),
		.vhost = c->host4,
		.in6_enabled = c->has_ip6,
		.vprefix_addr6 = c->host6,
		.vprefix_len = c->prefix6,
		.vhost6 = c->host6,
		.vdhcp_start = c->guest4,
		.vnameserver = c->dns4,
		.vnameserver6 = c->dns6,
		.if_mtu = c->mtu,
		.if_mru = c->mtu,
		.disable_host_loopback = !c->host_loopback,
		.disable_dns = !c->resolv_conf[0],
	};

	for (unsigned bit = c->prefix6; bit < 128; bit++)
		k.vprefix_addr6.s6_addr[bit / 8] &= (uint8_t)~(0x80u >> bit % 8);
#if SLIRP_CONFIG_VERSION_MAX >= 4
	k.disable_dhcp = true;
#endif
	return k;
}

int slirp_link_new(struct slirp_link **out, const struct net_config *c,
		   struct loop *l, int link_fd, struct err *e)
{
	SlirpConfig k = slirp_config(c);
	struct slirp_link *s = mem_new(struct slirp_link);
	void *frame = mmap(NULL, FRAME_MAX, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (frame == MAP_FAILED) {
		free_auto(&s);
		return err_sys(e, "memory for frames");
	}
	s->frame = frame;
	s->loop = l;
	s->fd = link_fd;
	s->poll_room = KEEP_POLL;
	s->poll = mem_zero(s->poll_room, sizeof(*s->poll));
	s->policy = (struct frame_policy){
		.host4 = c->host4,
		.dns4 = c->dns4,
		.mask4 = k.vnetmask,
		.host6 = c->host6,
		.dns6 = c->dns6,
		.prefix6 = c->prefix6,
		.has_ip6 = c->has_ip6,
		.has_dns = !k.disable_dns,
		.host_loopback = c->host_loopback,
	};
	s->is_quiet = true;
	s->slirp = slirp_new(&k, &callbacks, s);
	*out = s;
	return loop_add(l, &s->src, link_fd, EPOLLIN, on_link, e);
}

bool slirp_is_recent(void)
{
	return strverscmp(slirp_version_string(), "4.9.2") >= 0;
}

/* --- waiting --- */

static void ask_slirp(struct slirp_link *s, uint32_t *timeout)
{
	s->poll_count = 1;
	*timeout = UINT32_MAX;
	if (s->is_quiet)
		return;
	slirp_pollfds_fill(s->slirp, timeout, add_poll, s);
	if (s->poll_count == 1 && *timeout >= SLOW_MS) {
		s->is_quiet = true;
		*timeout = UINT32_MAX;
	}
}

static int wait_all(struct slirp_link *s, int timeout_ms, struct err *e)
{
	int n;

	if (s->poll_count == 1)
		return loop_once(s->loop, timeout_ms, e);
	s->poll[0] = (struct pollfd){ .fd = s->loop->epoll_fd, .events = POLLIN };
	n = poll(s->poll, s->poll_count, timeout_ms);
	if (n < 0 && errno != EINTR)
		return err_sys(e, "wait");
	if (n <= 0)
		for (size_t i = 0; i < s->poll_count; i++)
			s->poll[i].revents = 0;
	return s->poll[0].revents ? loop_once(s->loop, 0, e) : 0;
}

int slirp_serve(struct slirp_link *s, struct portfwd *ports, struct err *e)
{
	uint32_t timeout;

	while (!s->loop->stop) {
		int wait = portfwd_work(ports);
		bool was_quiet;
		int r;

		ask_slirp(s, &timeout);
		was_quiet = s->is_quiet;
		if (timeout < (uint32_t)wait)
			wait = (int)timeout;
		r = wait_all(s, wait, e);
		if (r < 0)
			return r;
		if (!was_quiet || !s->is_quiet)
			slirp_pollfds_poll(s->slirp, 0, get_revents, s);
	}
	return 0;
}
