/* net_box.h - for tests: a box is a container in miniature, a process in user
 * and network namespaces of its own with a tap and the network helper, which
 * calls test functions when told.
 */
#pragma once

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "rootless/net.h"
#include "tests/unit/test.h"

#define WAIT_MS		60000

typedef int task_fn(int arg);

struct box {
	struct net_config *c;
	struct net_helper h;
	pid_t pid;
	int pidfd;
	int ctl;
	int tap_fd;
	uint32_t flags;
};

struct order {
	task_fn *fn;
	int arg;
	bool in_background;
};

static inline int own_namespaces(void)
{
	struct err e = ERR_INIT;
	char uid[64], gid[64];

	snprintf(uid, sizeof(uid), "0 %u 1", (unsigned)geteuid());
	snprintf(gid, sizeof(gid), "0 %u 1", (unsigned)getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return -errno;
	if (fs_write_small(AT_FDCWD, "/proc/self/setgroups", "deny", &e) < 0 ||
	    fs_write_small(AT_FDCWD, "/proc/self/uid_map", uid, &e) < 0 ||
	    fs_write_small(AT_FDCWD, "/proc/self/gid_map", gid, &e) < 0)
		return -e.code;
	return 0;
}

static inline NORETURN void box_main(const struct tap_config *t, int ctl)
{
	struct err e = ERR_INIT;
	struct tap tap = { .fd = -1 };
	enum tap_step step = 0;
	struct order o;
	int r;

	r = own_namespaces();
	if (r == 0)
		r = tap_setup(&tap, t, &step);
	if (r < 0)
		fprintf(stderr, "%s: %s\n", tap_step_text(step), strerror(-r));
	r = r < 0 ? r : (int)tap.kind;
	if (fd_send(ctl, &r, sizeof(r), &tap.fd, r > 0, 0, &e) < 0 || r < 0)
		_exit(1);
	close(tap.fd);
	(void)signal(SIGCHLD, SIG_IGN);
	while (recv(ctl, &o, sizeof(o), 0) == (ssize_t)sizeof(o)) {
		if (o.in_background && fork() == 0)
			_exit(o.fn(o.arg));
		r = o.in_background ? 0 : o.fn(o.arg);
		(void)!send(ctl, &r, sizeof(r), 0);
	}
	(void)kill(0, SIGKILL);
	_exit(0);
}

/* Up to ready; false: the error is in e. */
static inline bool box_start(struct box *b, const char *helper, struct net_config *c,
			     enum tap_allow allow, struct err *e)
{
	struct fd_pair pair;
	struct tap_config t;
	size_t n = 1;
	int kind = 0;

	*b = (struct box){ .c = c, .h = NET_HELPER_INIT };
	net_tap_config(&t, c);
	t.allow = allow;
	assert_int_equal(fd_socketpair(&pair, SOCK_SEQPACKET, e), 0);
	b->pid = fork();
	if (b->pid == 0) {
		setpgid(0, 0);
		close(pair.a);
		box_main(&t, pair.b);
	}
	close(pair.b);
	b->ctl = pair.a;
	assert_true(fd_recv(b->ctl, &kind, sizeof(kind), &b->tap_fd, &n, 0, e) > 0);
	assert_true(kind > 0);
	c->link = (uint32_t)kind;
	b->pidfd = (int)syscall(SYS_pidfd_open, b->pid, 0);
	assert_int_equal(net_spawn(&b->h, helper, c, b->tap_fd, b->pidfd, e), 0);
	return net_wait_ready(&b->h, c, &b->flags, WAIT_MS, e) == 0;
}

static inline int box_order(struct box *b, struct order o)
{
	int r = -1;

	assert_int_equal(send(b->ctl, &o, sizeof(o), 0), sizeof(o));
	assert_int_equal(recv(b->ctl, &r, sizeof(r), 0), sizeof(r));
	return r;
}

static inline int inside(struct box *b, task_fn *fn, int arg)
{
	return box_order(b, (struct order){ fn, arg, false });
}

static inline void inside_background(struct box *b, task_fn *fn, int arg)
{
	(void)box_order(b, (struct order){ fn, arg, true });
}

static inline void box_stop(struct box *b)
{
	close(b->ctl);
	waitpid(b->pid, NULL, 0);
	close(b->pidfd);
	close(b->tap_fd);
	net_helper_auto(&b->h);
	free(b->c);
}
