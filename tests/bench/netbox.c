/* netbox - an empty network namespace with Coracle's user-mode network.
 *
 *	netbox HELPER [-l] [-4] [-P] [PROTO:HOSTPORT:PORT ...] -- COMMAND...
 *
 * Runs COMMAND inside; -l lets the host's loopback be reached, -4 leaves IPv6
 * out, -P takes the packet link.  Says on stderr how long each step took.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/num.h"
#include "rootless/net.h"

struct box {
	struct net_config *c;
	struct tap_config link;
	char **command;
};

static void die(const struct err *e)
{
	fprintf(stderr, "netbox: %s\n", e->text);
	exit(1);
}

static void map_ids(uid_t uid, gid_t gid)
{
	struct err e = ERR_INIT;
	char line[64];

	snprintf(line, sizeof(line), "0 %u 1", (unsigned)uid);
	if (fs_write_small(AT_FDCWD, "/proc/self/uid_map", line, &e) < 0 ||
	    fs_write_small(AT_FDCWD, "/proc/self/setgroups", "deny", &e) < 0)
		die(&e);
	snprintf(line, sizeof(line), "0 %u 1", (unsigned)gid);
	if (fs_write_small(AT_FDCWD, "/proc/self/gid_map", line, &e) < 0)
		die(&e);
}

static NORETURN void inside(struct box *b, int sock)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	struct err e = ERR_INIT;
	enum tap_step step;
	uint64_t begin;
	struct tap tap;
	char go;
	int r;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
		perror("netbox: unshare");
		exit(1);
	}
	map_ids(uid, gid);
	begin = clock_mono_ns();
	r = tap_setup(&tap, &b->link, &step);
	if (r < 0) {
		fprintf(stderr, "netbox: %s: %s\n", tap_step_text(step), strerror(-r));
		exit(1);
	}
	fprintf(stderr, "link %.2f ms\n", (double)(clock_mono_ns() - begin) / 1e6);
	if (fd_send(sock, &tap.kind, sizeof(tap.kind), &tap.fd, 1, 0, &e) < 0)
		die(&e);
	fd_auto(&tap.fd);
	if (read(sock, &go, 1) != 1)
		exit(1);
	execvp(b->command[0], b->command);
	perror(b->command[0]);
	exit(127);
}

static void parse_port(struct net_port *p, const char *text)
{
	char proto[4];
	unsigned host, guest, family = 4;

	if (sscanf(text, "%3[a-z]%u:%u:%u", proto, &family, &host, &guest) != 4 &&
	    sscanf(text, "%3[a-z]:%u:%u", proto, &host, &guest) != 3) {
		fprintf(stderr, "netbox: bad port '%s'\n", text);
		exit(2);
	}
	*p = (struct net_port){
		.family = family == 6 ? AF_INET6 : AF_INET,
		.proto = strcmp(proto, "udp") ? IPPROTO_TCP : IPPROTO_UDP,
		.host_port = (uint16_t)host,
		.guest_port = (uint16_t)guest,
	};
}

int main(int argc, char **argv)
{
	struct net_helper h = NET_HELPER_INIT;
	struct err e = ERR_INIT;
	struct fd_pair pair = FD_PAIR_INIT;
	struct net_config *c = net_config_new(16);
	struct box box = { .c = c };
	struct buf resolv = BUF_INIT(NET_RESOLV_MAX - 1);
	bool packet = false;
	uint32_t flags = 0, count = 0;
	uint64_t begin, spawned;
	int i, tap_fd, pidfd, status = 0;
	size_t n = 1;
	pid_t pid;

	for (i = 2; i < argc && strcmp(argv[i], "--"); i++) {
		if (!strcmp(argv[i], "-l"))
			c->host_loopback = true;
		else if (!strcmp(argv[i], "-4"))
			c->has_ip6 = false;
		else if (!strcmp(argv[i], "-P"))
			packet = true;
		else if (count < 16)
			parse_port(&c->ports[count++], argv[i]);
	}
	if (i + 1 >= argc)
		return 2;
	c->port_count = count;
	c->size = (uint32_t)(sizeof(*c) + count * sizeof(c->ports[0]));
	if (fs_read(AT_FDCWD, "/etc/resolv.conf", &resolv, &e) < 0)
		die(&e);
	memcpy(c->resolv_conf, resolv.data, resolv.len);
	net_tap_config(&box.link, c);
	box.link.allow = packet ? TAP_ALLOW_PACKET : TAP_ALLOW_TUN;
	box.command = argv + i + 1;
	if (fd_socketpair(&pair, SOCK_SEQPACKET, &e) < 0)
		die(&e);
	pid = fork();
	if (pid == 0)
		inside(&box, pair.b);
	fd_auto(&pair.b);
	if (fd_recv(pair.a, &c->link, sizeof(c->link), &tap_fd, &n, 0, &e) <= 0)
		die(&e);
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	begin = clock_mono_ns();
	if (net_spawn(&h, argv[1], c, tap_fd, pidfd, &e) < 0)
		die(&e);
	spawned = clock_mono_ns();
	if (net_wait_ready(&h, c, &flags, 5000, &e) < 0)
		die(&e);
	fprintf(stderr, "spawn %.2f ms, ready %.2f ms, missing %x, pids %d %d %d\n",
		(double)(spawned - begin) / 1e6,
		(double)(clock_mono_ns() - begin) / 1e6, flags, (int)h.net.pid,
		(int)h.maker.pid, (int)pid);
	for (uint32_t k = 0; k < count; k++) {
		char text[NET_PORT_TEXT_MAX];

		net_port_print(&c->ports[k], text);
		fprintf(stderr, "port %s\n", text);
	}
	if (write(pair.a, "", 1) != 1)
		return 1;
	(void)waitpid(pid, &status, 0);
	begin = clock_mono_ns();
	if (proc_wait(&h.net, &i, &e) < 0)
		die(&e);
	fprintf(stderr, "helper ended %d after %.2f ms\n", proc_exit_code(i),
		(double)(clock_mono_ns() - begin) / 1e6);
	net_helper_auto(&h);
	return proc_exit_code(status);
}
