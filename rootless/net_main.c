/* coracle-net - the user-mode network of one container (rootless/net.h). */
#include "rootless/net.h"

#include <fcntl.h>
#include <linux/ioctl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/loop.h"
#include "lib/base/mem.h"
#include "rootless/confine.h"
#include "rootless/portfwd.h"
#include "rootless/slirp.h"

#define FILES	32768
#ifdef __SANITIZE_ADDRESS__
#define MEMORY	UINT64_MAX	/* its shadow is far larger than any limit */
#else
#define MEMORY	MIB(768)
#endif

enum { FD_LINK, FD_INIT, FD_MAKER, FDS };

/* What the loop, libslirp, the resolver file and the allocator need.  glib may
 * write a warning to standard error, which is /dev/null. */
static const struct confine_call net_calls[] = {
	{ .nr = SYS_read },
	{ .nr = SYS_write },
#ifdef SYS_epoll_wait
	{ .nr = SYS_epoll_wait },
	{ .nr = SYS_poll },
#endif
	{ .nr = SYS_epoll_pwait },
	{ .nr = SYS_ppoll },
	{ .nr = SYS_recvfrom },
	{ .nr = SYS_sendto },
	{ .nr = SYS_splice },
	{ .nr = SYS_recvmsg },
	{ .nr = SYS_sendmsg },
	{ .nr = SYS_recvmmsg },
	{ .nr = SYS_sendmmsg },
	{ .nr = SYS_readv },
	{ .nr = SYS_writev },
	{ .nr = SYS_accept4 },
	{ .nr = SYS_accept },
	{ .nr = SYS_bind },
	{ .nr = SYS_connect },
	{ .nr = SYS_epoll_ctl },
	{ .nr = SYS_close },
	{ .nr = SYS_shutdown },
	{ .nr = SYS_setsockopt },
	{ .nr = SYS_getsockopt },
	{ .nr = SYS_getsockname },
	{ .nr = SYS_getpeername },
	{ .nr = SYS_socket, .mask = ~8u, .value = AF_INET },	/* or AF_INET6 */
	{ .nr = SYS_listen },
	{ .nr = SYS_pipe2 },
	{ .nr = SYS_fcntl },
	{ .nr = SYS_ioctl, .arg = 1, .mask = ~0u, .value = FIONREAD },
	{ .nr = SYS_ioctl, .arg = 1, .mask = ~0u, .value = FIONBIO },
	{ .nr = SYS_clock_gettime },
	{ .nr = SYS_gettimeofday },
	{ .nr = SYS_getrandom },
	{ .nr = SYS_futex },
	{ .nr = SYS_brk },
	{ .nr = SYS_mmap, .arg = 2, .mask = PROT_EXEC, .value = 0 },
	{ .nr = SYS_munmap },
	{ .nr = SYS_mremap },
	{ .nr = SYS_madvise },
	{ .nr = SYS_openat, .arg = 2, .mask = O_ACCMODE | O_CREAT | O_TRUNC, .value = O_RDONLY },
	{ .nr = SYS_newfstatat },
	{ .nr = SYS_fstat },
#ifdef SYS_stat
	{ .nr = SYS_stat },
	{ .nr = SYS_time },
#endif
	{ .nr = SYS_lseek },
	{ .nr = SYS_rt_sigreturn },
	{ .nr = SYS_restart_syscall },
	{ .nr = SYS_exit_group },
};

struct helper {
	struct loop loop;
	struct loop_source init;
	struct net_config *config;
	struct portfwd *ports;
	struct slirp_link *link;
	uint64_t files;
	int fds[FDS];
};

static void on_init(struct loop_source *s, uint32_t events)
{
	struct helper *h = (void *)((char *)s - offsetof(struct helper, init));

	(void)events;
	h->loop.stop = true;
}

/* The message is one block of at most this, on pages that are given back. */
#define MESSAGE_MAX (sizeof(struct net_config) + MAX_PORTS * sizeof(struct net_port))

static int check(const struct net_config *c, size_t len, size_t fds, struct err *e)
{
	if (len < sizeof(*c) || c->version != NET_VERSION || c->size != len ||
	    c->port_count > MAX_PORTS ||
	    len != sizeof(*c) + c->port_count * sizeof(c->ports[0]))
		return err_set(e, EPROTO, "bad configuration");
	if (fds != (c->port_count ? 3 : 2))
		return err_set(e, EPROTO, "wrong number of descriptors");
	if (c->mtu < 1280 || c->mtu > 65521 || c->prefix4 < 8 ||
	    c->prefix4 > 30 || c->prefix6 < 8 || c->prefix6 > 126 ||
	    !memchr(c->resolv_conf, '\0', sizeof(c->resolv_conf)))
		return err_set(e, EINVAL, "bad configuration");
	return 0;
}

static int receive(struct helper *h, struct err *e)
{
	struct net_config *m = mmap(NULL, MESSAGE_MAX, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t count = FDS;
	ssize_t n;
	int r;

	if (m == MAP_FAILED)
		return err_sys(e, "memory for the configuration");
	n = fd_recv(NET_SOCK_FD, m, MESSAGE_MAX, h->fds, &count, 0, e);
	if (n < 0)
		return (int)n;
	if (n == 0)
		return err_set(e, EPIPE, "no configuration");
	r = check(m, (size_t)n, count, e);
	if (r == 0) {
		h->config = mem_zero(1, (size_t)n);
		memcpy(h->config, m, (size_t)n);
	}
	(void)munmap(m, MESSAGE_MAX);
	return r;
}

/* Whatever else was inherited is closed: 0-2 are /dev/null, 3 the socket. */
static int prepare(struct helper *h, uint32_t *bad, struct err *e)
{
	struct rlimit rl = { 0 };
	int r;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)mallopt(M_ARENA_MAX, 1);
	fd_close_from(NET_SOCK_FD + 1);
	if (getrlimit(RLIMIT_NOFILE, &rl) < 0)
		return err_sys(e, "read the limit of descriptors");
	h->files = rl.rlim_max < FILES ? rl.rlim_max : FILES;
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
	r = receive(h, e);
	if (r < 0)
		return r;
	*bad = h->config->port_count;
	if (h->config->port_count) {
		r = portfwd_new(&h->ports, h->config, bad, e);
		if (r < 0)
			return r;
	}
	r = loop_init(&h->loop, e);
	if (r == 0)
		r = loop_add(&h->loop, &h->init, h->fds[FD_INIT], EPOLLIN, on_init, e);
	if (r == 0)
		r = fd_set_nonblock(h->fds[FD_LINK], true, e);
	if (r == 0)
		r = slirp_link_new(&h->link, h->config, &h->loop, h->fds[FD_LINK], e);
	if (r == 0 && h->ports)
		r = portfwd_start(h->ports, &h->loop, h->fds[FD_MAKER], h->files, e);
	return r;
}

static int confine_helper(const struct helper *h, uint32_t *flags, struct err *e)
{
	struct confine c = {
		.etc_file = "resolv.conf",
		.text = h->config->resolv_conf,
		.files = h->files,
		.memory = MEMORY,
		.calls = net_calls,
		.call_count = ARRAY_SIZE(net_calls),
	};
	uint32_t missing = 0;
	int r = confine(&c, &missing, e);

	*flags = (missing & CONFINE_NO_USERNS ? NET_NO_USERNS : 0) |
		 (missing & CONFINE_NO_LANDLOCK ? NET_NO_LANDLOCK : 0) |
		 (missing & CONFINE_NO_SECCOMP ? NET_NO_SECCOMP : 0) |
		 (slirp_is_recent() ? 0 : NET_OLD_SLIRP);
	return r;
}

/* Nobody reads the answer when the shim is gone; that is fine. */
static void answer(const struct helper *h, uint32_t bad, uint32_t flags,
		   const struct err *result)
{
	struct err ignored = ERR_INIT;
	struct net_answer a = {
		.version = NET_VERSION,
		.code = (uint32_t)result->code,
		.port = bad,
		.flags = flags,
	};

	snprintf(a.what, sizeof(a.what), "%.*s", (int)sizeof(a.what) - 1, result->text);
	if (!result->code && h->ports) {
		a.port_count = h->config->port_count;
		portfwd_ports(h->ports, a.host_ports);
	}
	(void)!fd_send(NET_SOCK_FD, &a,
		       offsetof(struct net_answer, host_ports) +
			       a.port_count * sizeof(a.host_ports[0]),
		       NULL, 0, MSG_DONTWAIT, &ignored);
}

int main(void)
{
	static struct helper h = { .fds = { -1, -1, -1 } };
	struct err e = ERR_INIT;
	uint32_t bad = UINT32_MAX, flags = 0;
	int r;

	r = prepare(&h, &bad, &e);
	if (r == 0)
		r = confine_helper(&h, &flags, &e);
	answer(&h, bad, flags, &e);
	fd_auto(&(int){ NET_SOCK_FD });
	if (r < 0)
		return 1;
	(void)malloc_trim(0);
	return slirp_serve(h.link, h.ports, &e) < 0;
}
