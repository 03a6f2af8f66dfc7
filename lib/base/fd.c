#include "lib/base/fd.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "lib/base/fs.h"

int fd_pipe(struct fd_pair *out, struct err *e)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	*out = (struct fd_pair){ fds[0], fds[1] };
	return 0;
}

int fd_socketpair(struct fd_pair *out, int type, struct err *e)
{
	int fds[2];

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds) < 0)
		return err_sys(e, "make a socket pair");
	*out = (struct fd_pair){ fds[0], fds[1] };
	return 0;
}

int fd_sealed(const char *name, const void *data, size_t len, struct err *e)
{
	static const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW |
				 F_SEAL_WRITE;
	AUTO_FD int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return err_sys(e, "make memory file '%s'", name);
	r = fs_write_all(fd, data, len, e);
	if (r < 0)
		return err_ctx(e, r, "memory file '%s'", name);
	if (lseek(fd, 0, SEEK_SET) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0)
		return err_sys(e, "seal memory file '%s'", name);
	return take_fd(&fd);
}

ssize_t fd_send(int sock, const void *data, size_t len, const int *fds,
		size_t count, int flags, struct err *e)
{
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	union {
		char bytes[CMSG_SPACE(sizeof(int) * FD_SEND_MAX)];
		struct cmsghdr align;
	} control;
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *c;
	ssize_t n;

	if (count > FD_SEND_MAX)
		return err_set(e, EINVAL, "send: too many descriptors");
	if (count) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * count);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * count);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
	}
	do
		n = sendmsg(sock, &msg, flags | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? err_sys(e, "send") : n;
}

/* Takes the descriptors of a message; those beyond room are closed. */
static size_t take_rights(struct msghdr *msg, int *fds, size_t room)
{
	size_t got = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (got < room)
				fds[got] = fd;
			else
				fd_auto(&fd);
			got++;
		}
	}
	return got;
}

ssize_t fd_recv(int sock, void *data, size_t len, int *fds, size_t *count,
		int flags, struct err *e)
{
	struct iovec iov = { .iov_base = data, .iov_len = len };
	union {
		char bytes[CMSG_SPACE(sizeof(int) * FD_SEND_MAX)];
		struct cmsghdr align;
	} control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	size_t room = count ? *count : 0;
	size_t got;
	ssize_t n;

	/* A peer that died with unread messages is reported once, and before
	 * what it had sent. */
	do
		n = recvmsg(sock, &msg, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return err_sys(e, "receive");
	got = take_rights(&msg, fds, room);
	if (got > room || msg.msg_flags & MSG_CTRUNC) {
		for (size_t i = 0; i < got && i < room; i++)
			fd_auto(&fds[i]);
		return err_set(e, EPROTO, "receive: too many descriptors");
	}
	if (msg.msg_flags & MSG_TRUNC) {
		for (size_t i = 0; i < got; i++)
			fd_auto(&fds[i]);
		return err_set(e, EMSGSIZE, "receive: message too long");
	}
	if (count)
		*count = got;
	return n;
}

/* Without close_range: one by one up to the limit. */
static void each_from(int first, bool close_it)
{
	struct rlimit rl;
	int end = 1024;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < 1048576)
		end = (int)rl.rlim_cur;
	for (int fd = first; fd < end; fd++) {
		if (close_it)
			(void)close(fd);
		else
			(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
}

void fd_cloexec_from(int first)
{
	/* until Linux 5.11 is the minimum */
	if (syscall(SYS_close_range, first, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		each_from(first, false);
}

void fd_close_from(int first)
{
	/* until Linux 5.9 is the minimum */
	if (syscall(SYS_close_range, first, ~0u, 0) < 0)
		each_from(first, true);
}

int fd_set_nonblock(int fd, bool on, struct err *e)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 ||
	    fcntl(fd, F_SETFL, on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) < 0)
		return err_sys(e, "set descriptor flags");
	return 0;
}
