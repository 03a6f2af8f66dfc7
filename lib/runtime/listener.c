#include "lib/runtime/listener.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "lib/base/buf.h"
#include "lib/base/fd.h"
#include "lib/base/limits.h"
#include "lib/base/str.h"
#include "lib/runtime/init.h"

#define PATIENCE_S 10

static int reach(const char *path, struct err *e)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	AUTO_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_sys(e, "socket");
	if (!str_copy(sa.sun_path, sizeof(sa.sun_path), path))
		return err_set(e, ENAMETOOLONG, "path too long");
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return err_sys(e, "connect");
	return take_fd(&fd);
}

/* The pid stands where the plan has a byte 1. */
static void fill_in(struct buf *out, const char *words, pid_t pid)
{
	for (;;) {
		size_t len = strcspn(words, "\1");

		(void)buf_add(out, words, len);
		if (!words[len])
			break;
		(void)buf_addf(out, "%d", pid);
		words += len + 1;
	}
}

/* The descriptor goes with the first bytes, if not all fit at once. */
static int tell(int sock, const char *data, size_t len, int fd, struct err *e)
{
	for (size_t done = 0; done < len; ) {
		ssize_t n = fd_send(sock, data + done, len - done, &fd, done ? 0 : 1, 0, e);

		if (n < 0)
			return (int)n;
		done += (size_t)n;
	}
	return 0;
}

int listener_tell(const void *plan, uint32_t step, int fd, pid_t pid, int sock,
		  struct err *e)
{
	const struct plan_head *h = plan;
	const struct plan_step *s = plan_steps(h) + step;
	const char *path = step < h->step_count ? plan_text(plan, s->s1) : NULL;
	AUTO(buf) struct buf words = BUF_INIT(MAX_SPEC);
	char heard = RT_HEARD;
	AUTO_FD int to = -1;
	int r;

	if (fd < 0 || !path || s->op != OP_SECCOMP)
		return err_set(e, EPROTO, "container init: unknown message");
	fill_in(&words, plan_text(plan, s->s2), pid);
	to = reach(path, e);
	r = to < 0 ? to : tell(to, words.data, words.len, fd, e);
	if (r < 0)
		return err_ctx(e, r, "seccomp listener '%s'", path);
	return fd_send(sock, &heard, 1, NULL, 0, 0, e) < 0 ? -e->code : 0;
}
