#include "lib/plugin/helper.h"

#include <endian.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/mem.h"
#include "lib/base/proc.h"
#include "lib/base/strv.h"

static int left_ms(uint64_t deadline_ns)
{
	uint64_t now = clock_mono_ns();

	return now >= deadline_ns ? 0 :
	       (int)((deadline_ns - now) / NS_PER_MS + 1);
}

/* Waits for one descriptor until the deadline. */
static int wait_readable(int fd, uint64_t deadline_ns, struct err *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int r;

	for (;;) {
		r = poll(&p, 1, left_ms(deadline_ns));
		if (r > 0)
			return 0;
		if (r == 0)
			return err_set(e, ETIMEDOUT, "no answer in time");
		if (errno != EINTR)
			return err_sys(e, "poll");
	}
}

static int wait_end(int pidfd, uint64_t deadline_ns, struct err *e)
{
	int r = proc_pidfd_wait(pidfd, left_ms(deadline_ns));

	if (r < 0)
		return err_ret(e, r, "wait");
	return r ? 0 : err_set(e, ETIMEDOUT, "no answer in time");
}

static int read_all(int fd, struct buf *output, uint64_t deadline_ns,
		    struct err *e)
{
	char chunk[4096];
	ssize_t n;
	int r;

	for (;;) {
		r = wait_readable(fd, deadline_ns, e);
		if (r < 0)
			break;
		n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r = err_sys(e, "read");
		if (n <= 0)
			break;
		if (buf_add(output, chunk, (size_t)n) < 0) {
			r = err_set(e, EFBIG, "more than %zu bytes of output",
				    output->max);
			break;
		}
	}
	/* What helpers print is mostly secrets. */
	explicit_bzero(chunk, sizeof(chunk));
	return r;
}

/* Starts it with these as its descriptors 0 and 1. */
static int start(struct proc *out, const struct helper *h, int input_fd, int output_fd,
		 struct err *e)
{
	AUTO(strv) struct strv argv = STRV_INIT;

	strv_add(&argv, h->program);
	for (char *const *a = h->args; a && *a; a++)
		strv_add(&argv, *a);
	return proc_spawn(out, &(struct proc_spec){
		.path = h->program,
		.search = true,
		.argv = strv_args(&argv),
		.env = h->env,
		.fds = (struct proc_fd[]){ { input_fd, 0 }, { output_fd, 1 } },
		.fd_count = 2,
	}, e);
}

static int finish(struct proc *p, uint64_t deadline_ns, int *status, struct err *e)
{
	int wait_status;
	int r = wait_end(p->pidfd, deadline_ns, e);

	if (r == 0)
		r = proc_wait(p, &wait_status, e);
	if (r == 0)
		*status = proc_exit_code(wait_status);
	return r;
}

static int run(const struct helper *h, int input_fd, struct buf *output,
	       int *status, struct err *e)
{
	AUTO(fd_pair) struct fd_pair out = FD_PAIR_INIT;
	AUTO(proc) struct proc p = PROC_INIT;
	uint64_t deadline_ns = clock_mono_ns() + h->timeout_ms * NS_PER_MS;
	int r;

	r = fd_pipe(&out, e);
	if (r == 0)
		r = start(&p, h, input_fd, out.b, e);
	if (r < 0)
		return r;
	fd_auto(&out.b);
	r = read_all(out.a, output, deadline_ns, e);
	return r < 0 ? r : finish(&p, deadline_ns, status, e);
}

int helper_run(const struct helper *h, struct buf *output, int *status,
	       struct err *e)
{
	AUTO_FD int input_fd = fd_sealed("helper-input", h->input,
					 strlen(h->input), e);
	int r;

	if (input_fd < 0)
		return -e->code;
	r = run(h, input_fd, output, status, e);
	return r < 0 ? err_ctx(e, r, "helper '%s'", h->program) : 0;
}

/* --- messages --- */

/* What the socket has no room for is too much: all goes at once or not at all.
 * One that ended already may have answered. */
static int send_message(int sock, const char *text, size_t len, struct err *e)
{
	AUTO(buf) struct buf message = BUF_INIT(SIZE_MAX / 2);
	const uint32_t size = htobe32((uint32_t)len);
	ssize_t n;

	(void)buf_add(&message, (const char *)&size, sizeof(size));
	(void)buf_add(&message, text, len);
	n = send(sock, message.data, message.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EPIPE ? 0 : err_sys(e, "send a request");
	return (size_t)n == message.len ? 0 : err_set(e, EMSGSIZE, "a request of %zu bytes", len);
}

static int read_exactly(int sock, void *out, size_t len, uint64_t deadline_ns, struct err *e)
{
	for (size_t got = 0; got < len;) {
		int r = wait_readable(sock, deadline_ns, e);
		ssize_t n = r < 0 ? 0 : read(sock, (char *)out + got, len - got);

		if (r < 0)
			return r;
		if (n < 0 && errno != EINTR && errno != ECONNRESET)
			return err_sys(e, "read");
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return err_set(e, EPROTO, "it ended without an answer");
		got += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int read_message(int sock, struct buf *answer, uint64_t deadline_ns, struct err *e)
{
	AUTO_FREE char *bytes = NULL;
	uint32_t size;
	int r = read_exactly(sock, &size, sizeof(size), deadline_ns, e);

	if (r < 0)
		return r;
	size = be32toh(size);
	if (size > answer->max)
		return err_set(e, EFBIG, "an answer of %u bytes, %zu is the limit", size,
			       answer->max);
	bytes = mem_zero(size + 1, 1);
	r = read_exactly(sock, bytes, size, deadline_ns, e);
	if (r == 0)
		(void)buf_add(answer, bytes, size);
	return r;
}

static int ask(const struct helper *h, struct buf *answer, struct err *e)
{
	AUTO(fd_pair) struct fd_pair sock = FD_PAIR_INIT;
	AUTO(proc) struct proc p = PROC_INIT;
	uint64_t deadline_ns = clock_mono_ns() + h->timeout_ms * NS_PER_MS;
	int status = 0, r = fd_socketpair(&sock, SOCK_STREAM, e);

	if (r == 0)
		r = start(&p, h, sock.b, sock.b, e);
	if (r < 0)
		return r;
	fd_auto(&sock.b);
	r = send_message(sock.a, h->input, strlen(h->input), e);
	if (r == 0)
		r = read_message(sock.a, answer, deadline_ns, e);
	fd_auto(&sock.a);
	if (r == 0)
		r = finish(&p, deadline_ns, &status, e);
	return r < 0 || !status ? r : err_set(e, EIO, "exit status %d", status);
}

int helper_ask(const struct helper *h, struct buf *answer, struct err *e)
{
	int r = ask(h, answer, e);

	return r < 0 ? err_ctx(e, r, "helper '%s'", h->program) : 0;
}
