/* coracle-shim: supervises one container.  It is started by coracle with a
 * socket on descriptor 3 and has no options; see lib/fmt/shimmsg.h. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/fd.h"
#include "lib/base/str.h"
#include "shim/shim.h"

#define START_FD 3

static struct shim the_shim;

static void answer_error(int sock, const struct err *e)
{
	struct shim_msg m = shim_msg_make(SHIM_ERROR, e->code);
	char key[64];
	struct iovec iov[3];
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 3 };

	snprintf(key, sizeof(key), "%s", e->key ? e->key : "");
	iov[0] = (struct iovec){ &m, sizeof(m) };
	iov[1] = (struct iovec){ key, strlen(key) + 1 };
	iov[2] = (struct iovec){ (void *)e->text, strlen(e->text) };
	m.arg = (uint64_t)rt_exit_status(e);
	m.len = (uint32_t)(iov[1].iov_len + iov[2].iov_len);
	(void)!sendmsg(sock, &msg, MSG_NOSIGNAL);
}

static int run_alone(char **argv)
{
	int r = rt_alone(argv);

	fprintf(stderr, "coracle-init: run '%s': %s\n", argv[0], str_errno(-r));
	return r == -ENOENT || r == -ENOTDIR ? 127 : 126;
}

int main(int argc, char **argv)
{
	struct shim *s = &the_shim;
	struct err e = ERR_INIT;
	int type = 0;
	socklen_t len = sizeof(type);
	int r;

	rt_inner(argc, argv);
	if (argc > 1 && str_eq(argv[0], RT_ALONE))
		return run_alone(argv + 1);
	if (getsockopt(START_FD, SOL_SOCKET, SO_TYPE, &type, &len) < 0 ||
	    type != SOCK_SEQPACKET) {
		fprintf(stderr, "coracle-shim: started by coracle, not by hand\n");
		return 2;
	}
	fd_cloexec_from(START_FD);
	r = shim_receive(s, START_FD, &e);
	if (r == 0)
		r = shim_setup(s, START_FD, &e);
	if (r < 0) {
		shim_give_up(s);
		answer_error(START_FD, &e);
		return 1;
	}
	fd_auto(&s->early_cgroup_fd);
	return shim_run(s, &e) < 0;
}
