#include "rootless/netns.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "lib/base/fs.h"
#include "lib/os/netlink.h"
#include "rootless/confine.h"

#define MARK	0x636f7261	/* "cora": unlikely to be anybody else's */
#define TABLE	100

#define SOCK	3
#define INIT	4

static const struct confine_call maker_calls[] = {
	{ .nr = SYS_recvmsg },
	{ .nr = SYS_sendmsg },
	{ .nr = SYS_socket, .mask = ~8u, .value = AF_INET },	/* or AF_INET6 */
	{ .nr = SYS_setsockopt },
	{ .nr = SYS_close },
	{ .nr = SYS_exit_group },
};

/* Leaves SOCK and INIT open and nothing else. */
static int keep_two(int sock_fd, int init_pidfd)
{
	int sock = fcntl(sock_fd, F_DUPFD, INIT + 1);
	int init = fcntl(init_pidfd, F_DUPFD, INIT + 1);

	if (sock < 0 || init < 0 || dup2(sock, SOCK) < 0 || dup2(init, INIT) < 0)
		return -errno;
	fd_close_from(INIT + 1);
	for (int fd = 0; fd < 3; fd++)
		fd_auto(&(int){ fd });
	return 0;
}

static int enter(void)
{
	if (setns(INIT, CLONE_NEWUSER | CLONE_NEWNET) == 0)
		return 0;
	/* A container in our own user namespace. */
	if (errno != EINVAL || setns(INIT, CLONE_NEWNET) < 0)
		return -errno;
	return 0;
}

/* Can connections be made to come from their clients' addresses? */
static bool prepare(int family)
{
	static const char *const sysctl[2][2] = {
		{ "/proc/sys/net/ipv4/tcp_fwmark_accept",
		  "/proc/sys/net/ipv4/fwmark_reflect" },
		{ "/proc/sys/net/ipv4/tcp_fwmark_accept",	/* of both */
		  "/proc/sys/net/ipv6/fwmark_reflect" },
	};
	struct err ignored = ERR_INIT;
	AUTO_FD int nl = -1;

	for (int i = 0; i < 2; i++)
		if (fs_write_small(AT_FDCWD, sysctl[family == AF_INET6][i], "1",
				   &ignored) < 0)
			return false;
	nl = netlink_open();
	return nl >= 0 && netlink_add_mark_local(nl, family, MARK, TABLE) == 0;
}

static bool make_transparent(int fd, int family)
{
	static const int on = 1, mark = MARK;

	return setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) == 0 &&
	       (family == AF_INET6 ?
			setsockopt(fd, SOL_IPV6, IPV6_TRANSPARENT, &on, sizeof(on)) :
			setsockopt(fd, SOL_IP, IP_TRANSPARENT, &on, sizeof(on))) == 0;
}

static int make_one(const struct netns_request *q, bool *transparent)
{
	static const int on = 1;
	bool is_tcp = q->proto == IPPROTO_TCP;
	int fd = socket(q->family, (is_tcp ? SOCK_STREAM : SOCK_DGRAM) |
				   SOCK_CLOEXEC | SOCK_NONBLOCK, q->proto);

	if (fd < 0)
		return -errno;
	if (is_tcp) {
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		(void)setsockopt(fd, SOL_TCP, TCP_NODELAY, &on, sizeof(on));
	}
	if (!is_tcp || (*transparent && !make_transparent(fd, q->family)))
		*transparent = false;
	return fd;
}

static bool is_good(const struct netns_request *q)
{
	return (q->family == AF_INET || q->family == AF_INET6) &&
	       (q->proto == IPPROTO_TCP || q->proto == IPPROTO_UDP) &&
	       q->count >= 1 && q->count <= FD_SEND_MAX;
}

/* One request: as many sockets as can be made, at least one or the error. */
static int serve(const struct netns_request *q, bool transparent, struct err *e)
{
	struct netns_reply a = { .family = q->family, .proto = q->proto };
	int fds[FD_SEND_MAX];
	size_t n = 0;
	int r;

	while (n < q->count) {
		r = make_one(q, &transparent);
		if (r < 0) {
			a.code = n ? 0 : -r;
			break;
		}
		fds[n++] = r;
	}
	a.transparent = transparent;
	r = fd_send(SOCK, &a, sizeof(a), fds, n, 0, e) < 0 ? -e->code : 0;
	while (n)
		fd_auto(&fds[--n]);
	return r;
}

int netns_socket_maker(int init_pidfd, int sock_fd)
{
	static const uint64_t keep = 1ull << CAP_NET_ADMIN | 1ull << CAP_NET_RAW;
	struct err e = ERR_INIT;
	struct netns_request q;
	bool transparent4, transparent6;

	(void)prctl(PR_SET_NAME, "coracle-socks", 0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (keep_two(sock_fd, init_pidfd) < 0 || enter() < 0)
		return 1;
	transparent4 = prepare(AF_INET);
	transparent6 = prepare(AF_INET6);
	fd_auto(&(int){ INIT });
	if (confine_drop_caps(keep, &e) < 0)
		return 1;
	if (confine_seccomp(maker_calls, ARRAY_SIZE(maker_calls), &e) < 0)
		err_clear(&e);

	for (;;) {
		ssize_t n = fd_recv(SOCK, &q, sizeof(q), NULL, NULL, 0, &e);

		if (n != (ssize_t)sizeof(q))
			return n != 0;
		if (!is_good(&q))
			return 1;
		if (serve(&q, q.family == AF_INET6 ? transparent6 : transparent4, &e) < 0)
			return 1;
	}
}
