/* The user-mode network from both ends.  The test moves into a user and
 * network namespace of its own, which plays the host: there it may have
 * addresses and a resolver on port 53. */
#include "rootless/net.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <poll.h>

#include "lib/base/str.h"
#include "lib/os/netlink.h"
#include "tests/unit/net_box.h"

#define OUTSIDE4	"198.51.100.7"
#define OUTSIDE6	"2001:db8::7"
#define BIG		MIB(8)

static char helper_path[MAX_PATH];
static const char *skip_reason;

/* --- namespaces --- */

static int become_host(void **state)
{
	const char *path = getenv("CORACLE_NET");
	struct in6_addr a6;
	struct in_addr a4;
	char exe[MAX_PATH] = "";
	int nl, lo;

	(void)state;
	if (!path) {
		assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
		snprintf(helper_path, sizeof(helper_path), "%.*s/../../coracle-net",
			 (int)(strrchr(exe, '/') - exe), exe);
		path = helper_path;
	} else {
		snprintf(helper_path, sizeof(helper_path), "%s", path);
	}
	if (access(helper_path, X_OK) < 0)
		skip_reason = "coracle-net is not built";
	else if (own_namespaces() < 0)
		skip_reason = "no user namespaces";
	if (skip_reason) {
		print_message("# SKIP %s\n", skip_reason);
		return 0;
	}
	assert_int_equal(netlink_lo_up(), 0);
	nl = netlink_open();
	lo = netlink_index(nl, "lo");
	inet_pton(AF_INET, OUTSIDE4, &a4);
	inet_pton(AF_INET6, OUTSIDE6, &a6);
	assert_int_equal(netlink_add_addr(nl, lo, AF_INET, &a4, 32), 0);
	assert_int_equal(netlink_add_addr(nl, lo, AF_INET6, &a6, 128), 0);
	close(nl);
	return 0;
}

/* --- sockets --- */

struct addr {
	struct sockaddr_storage s;
	socklen_t len;
};

static struct addr addr_of(const char *ip, int port)
{
	struct addr a = { .len = sizeof(struct sockaddr_in) };
	struct sockaddr_in *in = (void *)&a.s;
	struct sockaddr_in6 *in6 = (void *)&a.s;

	if (strchr(ip, ':')) {
		a.len = sizeof(*in6);
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		inet_pton(AF_INET6, ip, &in6->sin6_addr);
	} else {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		inet_pton(AF_INET, ip, &in->sin_addr);
	}
	return a;
}

static int open_socket(const char *ip, int type)
{
	static const struct timeval tv = { .tv_sec = WAIT_MS / 1000 };
	static const int on = 1;
	int fd = socket(strchr(ip, ':') ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return fd;
}

static int serve_at(const char *ip, int port, int type)
{
	struct addr a = addr_of(ip, port);
	int fd = open_socket(ip, type);

	if (bind(fd, (void *)&a.s, a.len) < 0 ||
	    (type == SOCK_STREAM && listen(fd, 1024) < 0)) {
		close(fd);
		return -errno;
	}
	return fd;
}

/* A connected socket, or -errno. */
static int dial(const char *ip, int port, int type)
{
	struct addr a = addr_of(ip, port);
	int fd = open_socket(ip, type);

	if (connect(fd, (void *)&a.s, a.len) < 0) {
		int code = errno;

		close(fd);
		return -code;
	}
	return fd;
}

/* --- what boxes do --- */

static const char *const targets[] = {
	OUTSIDE4, OUTSIDE6, "10.0.2.2", "fd00::2", "10.0.2.3", "fd00::3",
};

enum { T_OUT4, T_OUT6, T_HOST4, T_HOST6, T_DNS4, T_DNS6 };

/* Connects and asks for one byte: 0, or -errno. */
static int task_dial(int target)
{
	int fd = dial(targets[target], 7000, SOCK_STREAM);
	char c;
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, &c, 1);
	close(fd);
	return n == 1 && c == 'x' ? 0 : -EIO;
}

/* A query to the name server: the length of the answer, or -errno. */
static int query(int target, int wait_s)
{
	const struct timeval tv = { .tv_sec = wait_s };
	int fd = dial(targets[target], 53, SOCK_DGRAM);
	char answer[64];
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	n = send(fd, "query", 5, 0);
	n = recv(fd, answer, sizeof(answer), 0);
	n = n < 0 ? -errno : n;
	close(fd);
	return (int)n;
}

static int task_query(int target)
{
	return query(target, WAIT_MS / 1000);
}

static int task_query_in_vain(int target)
{
	return query(target, 1);
}

/* For a task in the background that is to be reached at once. */
static int task_listen(int port)
{
	return serve_at("0.0.0.0", port, SOCK_STREAM);
}

static int task_bind_udp(int port)
{
	return serve_at("0.0.0.0", port, SOCK_DGRAM);
}

/* Accepts for ever: reads to the end, answers "PEER COUNT\n" and BIG zeros. */
static int task_serve(int s)
{
	static char chunk[65536];

	while (s >= 0) {
		struct sockaddr_in peer = { 0 };
		socklen_t len = sizeof(peer);
		int fd = accept(s, (void *)&peer, &len);
		size_t total = 0;
		char line[64];
		ssize_t n;

		while ((n = read(fd, chunk, sizeof(chunk))) > 0)
			total += (size_t)n;
		if (n == 0) {
			n = snprintf(line, sizeof(line), "%s %zu\n",
				     inet_ntoa(peer.sin_addr), total);
			(void)!send(fd, line, (size_t)n, MSG_NOSIGNAL);
			memset(chunk, 0, sizeof(chunk));
			for (total = 0; total < BIG; total += sizeof(chunk))
				(void)!send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL);
		}
		close(fd);
	}
	return 1;
}

static int task_echo_udp(int s)
{
	while (s >= 0) {
		struct sockaddr_in peer;
		socklen_t len = sizeof(peer);
		char data[2048];
		ssize_t n = recvfrom(s, data, sizeof(data), 0, (void *)&peer, &len);

		if (n >= 0)
			(void)!sendto(s, data, (size_t)n, 0, (void *)&peer, len);
	}
	return 1;
}

/* A UDP datagram to a raw address, past every route of the box. */
static int task_raw(int index)
{
	static const char *const raw[] = {
		"127.0.0.1", "127.1.2.3", "0.0.0.0", "255.255.255.255",
		"10.0.2.2", "10.0.2.3", "224.0.0.1", OUTSIDE4,
	};
	uint8_t f[64] = {
		0x52, 0x55, 10, 0, 2, 2, 2, 0, 0, 0, 0, 1, 8, 0,
		0x45, 0, 0, 32, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 2, 100,
		[34] = 0x30, 0x39, 7000 >> 8, 7000 & 0xff, 0, 12, 0, 0,
		'r', 'a', 'w', '0',
	};
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int nl = netlink_open();
	uint32_t sum = 0;
	ssize_t n;

	f[45] = (uint8_t)('0' + index);
	inet_pton(AF_INET, raw[index], f + 30);
	for (int i = 14; i < 34; i += 2)
		sum += (uint32_t)f[i] << 8 | f[i + 1];
	sum = ~((sum & 0xffff) + (sum >> 16));
	f[24] = (uint8_t)(sum >> 8);
	f[25] = (uint8_t)sum;
	at.sll_ifindex = netlink_index(nl, NET_IFNAME);
	n = sendto(fd, f, 46, 0, (void *)&at, sizeof(at));
	close(fd);
	close(nl);
	return n == 46 ? 0 : -errno;
}

/* --- what the host does --- */

static pid_t background(task_fn *fn, int arg)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn(arg));
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Gives 'x' to everybody who connects to one of our addresses. */
static int host_serve(int pipe_fd)
{
	static const char *const at[] = { "127.0.0.1", "::1", OUTSIDE4, OUTSIDE6 };
	struct pollfd p[ARRAY_SIZE(at)];

	for (size_t i = 0; i < ARRAY_SIZE(at); i++)
		p[i] = (struct pollfd){ serve_at(at[i], 7000, SOCK_STREAM), POLLIN, 0 };
	close(pipe_fd);
	while (poll(p, ARRAY_SIZE(at), -1) > 0) {
		for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
			int fd = p[i].revents ? accept(p[i].fd, NULL, NULL) : -1;

			if (fd >= 0) {
				(void)!write(fd, "x", 1);
				close(fd);
			}
		}
	}
	return 1;
}

static pid_t start_host_server(void)
{
	struct err e = ERR_INIT;
	struct fd_pair p;
	pid_t pid;
	char c;

	assert_int_equal(fd_pipe(&p, &e), 0);
	pid = fork();
	if (pid == 0)
		_exit(host_serve(p.b));
	close(p.b);
	assert_int_equal(read(p.a, &c, 1), 0);	/* it listens */
	close(p.a);
	return pid;
}

static struct net_config *config(size_t ports)
{
	struct net_config *c = net_config_new(ports);

	memcpy(c->resolv_conf, "nameserver 127.0.0.1\n", 22);
	for (size_t i = 0; i < ports; i++) {
		c->ports[i] = (struct net_port){
			.family = AF_INET,
			.proto = IPPROTO_TCP,
			.guest_port = 80,
		};
	}
	return c;
}

static void must_start(struct box *b, struct net_config *c, enum tap_allow allow)
{
	struct err e = ERR_INIT;

	if (!box_start(b, helper_path, c, allow, &e))
		fail_msg("%s", e.text);
}

#define SKIP_IF_NEEDED()		\
	do {				\
		(void)state;		\
		if (skip_reason)	\
			skip();		\
	} while (0)

/* --- tests --- */

static void check_outgoing(enum tap_allow allow, bool loopback)
{
	int host = loopback ? 0 : -ECONNREFUSED;
	struct net_config *c = config(0);
	pid_t server = start_host_server();
	struct box b;

	c->host_loopback = loopback;
	must_start(&b, c, allow);
	assert_int_equal(inside(&b, task_dial, T_OUT4), 0);
	assert_int_equal(inside(&b, task_dial, T_OUT6), 0);
	assert_int_equal(inside(&b, task_dial, T_HOST4), host);
	assert_int_equal(inside(&b, task_dial, T_HOST6), host);
	assert_int_equal(inside(&b, task_dial, T_DNS4), -ECONNREFUSED);
	assert_int_equal(inside(&b, task_dial, T_DNS6), -ECONNREFUSED);
	box_stop(&b);
	stop(server);
}

static void test_outgoing(void **state)
{
	SKIP_IF_NEEDED();
	check_outgoing(TAP_ALLOW_TUN, false);
}

static void test_host_loopback(void **state)
{
	SKIP_IF_NEEDED();
	check_outgoing(TAP_ALLOW_TUN, true);
}

static void test_packet_link(void **state)
{
	SKIP_IF_NEEDED();
	check_outgoing(TAP_ALLOW_PACKET, false);
}

static void test_raw_frames(void **state)
{
	struct box b;
	char data[64];
	int s;

	SKIP_IF_NEEDED();
	s = serve_at("0.0.0.0", 7000, SOCK_DGRAM);
	must_start(&b, config(0), TAP_ALLOW_TUN);
	/* The address book of libslirp is filled by a frame of the kernel's. */
	(void)inside(&b, task_dial, T_DNS4);
	for (int i = 0; i < 8; i++)
		assert_int_equal(inside(&b, task_raw, i), 0);
	/* Only the last one, which was for outside. */
	assert_int_equal(recv(s, data, sizeof(data), 0), 4);
	assert_memory_equal(data, "raw7", 4);
	assert_int_equal(recv(s, data, sizeof(data), MSG_DONTWAIT), -1);
	close(s);
	box_stop(&b);
}

static int host_resolver(int s)
{
	while (s >= 0) {
		struct sockaddr_in peer;
		socklen_t len = sizeof(peer);
		char data[64];

		if (recvfrom(s, data, sizeof(data), 0, (void *)&peer, &len) == 5)
			(void)!sendto(s, "answer", 6, 0, (void *)&peer, len);
	}
	return 1;
}

static void test_dns(void **state)
{
	struct net_config *c;
	struct box b;
	pid_t server;
	int s;

	SKIP_IF_NEEDED();
	s = serve_at("127.0.0.1", 53, SOCK_DGRAM);
	assert_true(s >= 0);
	server = background(host_resolver, s);
	must_start(&b, config(0), TAP_ALLOW_TUN);
	assert_int_equal(inside(&b, task_query, T_DNS4), 6);
	box_stop(&b);

	/* An internal network has no way out by names. */
	c = config(0);
	c->resolv_conf[0] = '\0';
	must_start(&b, c, TAP_ALLOW_TUN);
	assert_true(inside(&b, task_query_in_vain, T_DNS4) < 0);
	box_stop(&b);
	stop(server);
	close(s);
}

static void serve_inside(struct box *b)
{
	inside_background(b, task_serve, inside(b, task_listen, 80));
}

/* Sends BIG, ends its half, reads the answer and all that follows. */
static void check_talk(const char *ip, int port, const char *peer)
{
	static char chunk[65536];
	char line[64], want[64];
	size_t sent = 0, got = 0;
	int fd = dial(ip, port, SOCK_STREAM);
	ssize_t n;

	assert_true(fd >= 0);
	memset(chunk, 1, sizeof(chunk));
	while (sent < BIG) {
		n = send(fd, chunk, sizeof(chunk), MSG_NOSIGNAL);
		assert_true(n > 0);
		sent += (size_t)n;
	}
	shutdown(fd, SHUT_WR);
	n = recv(fd, line, sizeof(line) - 1, 0);
	assert_true(n > 0);
	snprintf(want, sizeof(want), "%s %zu\n", peer, sent);
	assert_memory_equal(line, want, strlen(want));
	got = (size_t)n - strlen(want);
	/* A reader that takes its time: the helper must hold back. */
	usleep(100000);
	while ((n = recv(fd, chunk, sizeof(chunk), 0)) > 0)
		got += (size_t)n;
	assert_int_equal(n, 0);
	assert_int_equal(got, BIG);
	close(fd);
}

static void test_publish_tcp(void **state)
{
	struct net_config *c;
	struct box b;
	uint16_t port;

	SKIP_IF_NEEDED();
	c = config(2);
	c->ports[1].family = AF_INET6;
	must_start(&b, c, TAP_ALLOW_TUN);
	port = c->ports[0].host_port;
	assert_int_not_equal(port, 0);
	assert_int_equal(c->ports[1].host_port, port);
	serve_inside(&b);
	check_talk("127.0.0.1", port, "10.0.2.2");
	check_talk(OUTSIDE4, port, OUTSIDE4);
	/* The server inside knows IPv4 only. */
	check_talk("::1", port, "10.0.2.2");
	check_talk(OUTSIDE6, port, "10.0.2.2");
	box_stop(&b);
}

static void test_publish_refused(void **state)
{
	struct net_config *c;
	struct box b;
	char data;
	int fd;

	SKIP_IF_NEEDED();
	c = config(1);
	must_start(&b, c, TAP_ALLOW_TUN);
	fd = dial("127.0.0.1", c->ports[0].host_port, SOCK_STREAM);
	assert_true(fd >= 0);
	assert_int_equal(recv(fd, &data, 1, 0), -1);
	assert_int_equal(errno, ECONNRESET);
	close(fd);
	box_stop(&b);
}

static void test_publish_udp(void **state)
{
	struct net_config *c;
	struct box b;
	char data[2048];

	SKIP_IF_NEEDED();
	c = config(1);
	c->ports[0].proto = IPPROTO_UDP;
	must_start(&b, c, TAP_ALLOW_TUN);
	inside_background(&b, task_echo_udp, inside(&b, task_bind_udp, 80));
	for (int client = 0; client < 20; client++) {
		/* Connected: an answer from another address is not received. */
		int fd = dial(client & 1 ? OUTSIDE4 : "127.0.0.1",
			      c->ports[0].host_port, SOCK_DGRAM);

		memset(data, client, sizeof(data));
		assert_int_equal(send(fd, data, 1400, 0), 1400);
		memset(data, 0xff, sizeof(data));
		assert_int_equal(recv(fd, data, sizeof(data), 0), 1400);
		assert_int_equal(data[1399], client);
		close(fd);
	}
	box_stop(&b);
}

static void test_many_connections(void **state)
{
	struct net_config *c;
	struct box b;
	int fds[200];
	char line[16];

	SKIP_IF_NEEDED();
	c = config(1);
	must_start(&b, c, TAP_ALLOW_TUN);
	serve_inside(&b);
	/* All at once, so that sockets run out and are asked for. */
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = dial("127.0.0.1", c->ports[0].host_port, SOCK_STREAM);
		assert_true(fds[i] >= 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		assert_int_equal(send(fds[i], "hello", 5, MSG_NOSIGNAL), 5);
		shutdown(fds[i], SHUT_WR);
		assert_int_equal(recv(fds[i], line, 10, MSG_WAITALL), 10);
		assert_memory_equal(line, "10.0.2.2 5", 10);
		close(fds[i]);
	}
	box_stop(&b);
}

static void test_port_in_use(void **state)
{
	struct net_config *c;
	struct err e = ERR_INIT;
	struct box b;
	int s;

	SKIP_IF_NEEDED();
	s = serve_at("0.0.0.0", 8080, SOCK_STREAM);
	c = config(2);
	c->ports[1].host_port = 8080;
	assert_false(box_start(&b, helper_path, c, TAP_ALLOW_TUN, &e));
	assert_int_equal(e.code, EADDRINUSE);
	assert_non_null(strstr(e.text, "port 0.0.0.0:8080/tcp: "));
	box_stop(&b);
	close(s);
}

static void must_have(const char *status, const char *line)
{
	if (!strstr(status, line))
		fail_msg("no '%s' in status", line);
}

static void test_rights(void **state)
{
	struct buf status = BUF_INIT(KIB(16));
	struct err e = ERR_INIT;
	char path[64];
	struct box b;
	DIR *d;

	SKIP_IF_NEEDED();
	must_start(&b, config(1), TAP_ALLOW_TUN);
	assert_int_equal(b.flags & (NET_NO_USERNS | NET_NO_SECCOMP), 0);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)b.h.net.pid);
	assert_int_equal(fs_read(AT_FDCWD, path, &status, &e), 0);
	must_have(status.data, "CapEff:\t0000000000000000");
	must_have(status.data, "CapPrm:\t0000000000000000");
	must_have(status.data, "CapInh:\t0000000000000000");
	must_have(status.data, "CapBnd:\t0000000000000000");
	must_have(status.data, "NoNewPrivs:\t1");
	must_have(status.data, "Seccomp:\t2");
	buf_clear(&status);

	snprintf(path, sizeof(path), "/proc/%d/root", (int)b.h.net.pid);
	d = opendir(path);
	if (d) {
		for (struct dirent *n = readdir(d); n; n = readdir(d))
			assert_true(str_eq(n->d_name, ".") || str_eq(n->d_name, "..") ||
				    str_eq(n->d_name, "etc"));
		closedir(d);
	}

	/* The socket maker keeps what makes a socket transparent: bits 12, 13. */
	snprintf(path, sizeof(path), "/proc/%d/status", (int)b.h.maker.pid);
	for (int i = 0; i < WAIT_MS / 10; i++) {
		buf_clear(&status);
		assert_int_equal(fs_read(AT_FDCWD, path, &status, &e), 0);
		if (strstr(status.data, "Seccomp:\t2"))
			break;
		usleep(10000);
	}
	must_have(status.data, "CapEff:\t0000000000003000");
	must_have(status.data, "NoNewPrivs:\t1");
	must_have(status.data, "Seccomp:\t2");
	buf_clear(&status);
	box_stop(&b);
}

static bool has_ended(const struct proc *p, int timeout_ms)
{
	struct pollfd f = { .fd = p->pidfd, .events = POLLIN };

	return poll(&f, 1, timeout_ms) == 1;
}

static void test_life(void **state)
{
	struct box b;

	SKIP_IF_NEEDED();
	must_start(&b, config(1), TAP_ALLOW_TUN);
	close(b.h.sock);
	b.h.sock = -1;
	close(b.tap_fd);
	assert_false(has_ended(&b.h.net, 200));
	serve_inside(&b);
	check_talk("127.0.0.1", b.c->ports[0].host_port, "10.0.2.2");

	kill(-b.pid, SIGKILL);
	assert_true(has_ended(&b.h.net, WAIT_MS));
	assert_true(has_ended(&b.h.maker, WAIT_MS));
	b.tap_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	box_stop(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_outgoing),
		cmocka_unit_test(test_host_loopback),
		cmocka_unit_test(test_packet_link),
		cmocka_unit_test(test_raw_frames),
		cmocka_unit_test(test_dns),
		cmocka_unit_test(test_publish_tcp),
		cmocka_unit_test(test_publish_refused),
		cmocka_unit_test(test_publish_udp),
		cmocka_unit_test(test_many_connections),
		cmocka_unit_test(test_port_in_use),
		cmocka_unit_test(test_rights),
		cmocka_unit_test(test_life),
	};

	return cmocka_run_group_tests_name("net", tests, become_host, NULL);
}
