#include "lib/base/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#include "lib/base/fs.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

#define MAX_FD 1048576			/* fs.nr_open, as it comes */

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

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static int unnamed_file(bool executable)
{
	static const char *const places[] = { "/dev/shm", "/tmp" };
	int r = -ENOSYS;

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		AUTO_FD int fd = open(places[i], O_TMPFILE | O_RDWR | O_CLOEXEC,
				      executable ? 0500 : 0400);
		struct statvfs fs;

		if (fd < 0 || fstatvfs(fd, &fs) < 0)
			r = -errno;
		else if (executable && fs.f_flag & ST_NOEXEC)
			r = -EACCES;
		else
			return take_fd(&fd);
	}
	return r;
}

int fd_memory(const char *name, bool executable)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	int fd = memfd_create(name, flags | (executable ? MFD_EXEC : 0));

	/* until Linux 6.3 is the minimum */
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags);
	/* where sandboxes hide it */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return unnamed_file(executable);
	return fd < 0 ? -errno : fd;
}

int fd_seal(int *fd)
{
	char name[32];
	int again;

	if (fcntl(*fd, F_ADD_SEALS, ALL_SEALS) == 0)
		return 0;
	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", *fd);
	again = open(name, O_RDONLY | O_CLOEXEC);
	if (again < 0)
		return -errno;
	fd_auto(fd);
	*fd = again;
	return 0;
}

enum fd_seals fd_seals(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (seals >= 0 && (seals & ALL_SEALS) == ALL_SEALS)
		return FD_SEALED;
	if (flags < 0 || (flags & O_ACCMODE) != O_RDONLY || fstat(fd, &st) < 0)
		return FD_NOT_SEALED;
	return S_ISREG(st.st_mode) && st.st_nlink == 0 ? FD_READ_ONLY : FD_NOT_SEALED;
}

int fd_sealed(const char *name, const void *data, size_t len, struct err *e)
{
	AUTO_FD int fd = fd_memory(name, false);
	int r;

	if (fd < 0)
		return err_ret(e, fd, "make memory file '%s'", name);
	r = fs_write_all(fd, data, len, e);
	if (r < 0)
		return err_ctx(e, r, "memory file '%s'", name);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "memory file '%s'", name);
	r = fd_seal(&fd);
	return r < 0 ? err_ret(e, r, "seal memory file '%s'", name) : take_fd(&fd);
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

static void end_fd(int fd, bool close_it)
{
	if (close_it)
		(void)close(fd);
	else
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* One by one, those that /proc names, in the order of their numbers.  Between
 * clone and exec nothing is allocated, hence no readdir(3). */
static int each_named(int first, bool close_it)
{
	AUTO_FD int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_Alignas(struct dirent64) char entries[2048];
	struct statfs fs;
	ssize_t n;

	if (dir < 0 || fstatfs(dir, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return -ENOENT;
	while ((n = getdents64(dir, entries, sizeof(entries))) > 0) {
		for (ssize_t at = 0; at < n;) {
			struct dirent64 *d = (struct dirent64 *)(void *)(entries + at);
			int fd = 0;

			for (const char *p = d->d_name; *p >= '0' && *p <= '9'; p++)
				fd = fd * 10 + *p - '0';
			if (fd >= first && fd != dir)
				end_fd(fd, close_it);
			at += d->d_reclen;
		}
	}
	return n < 0 ? -errno : 0;
}

/* Without a /proc: every number there can be.  The limit tells nothing about
 * what was opened before it was lowered. */
static void each_from(int first, bool close_it)
{
	if (each_named(first, close_it) == 0)
		return;
	for (int fd = first; fd < MAX_FD; fd++)
		end_fd(fd, close_it);
}

void fd_cloexec_from(int first)
{
	/* until Linux 5.11 is the minimum; sandboxes hide it */
	if (syscall(SYS_close_range, first, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
		each_from(first, false);
}

void fd_close_from(int first)
{
	/* until Linux 5.9 is the minimum; sandboxes hide it */
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
