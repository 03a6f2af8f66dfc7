#include "lib/plugin/helper.h"

#include <poll.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/fd.h"
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

static int run(const struct helper *h, int input_fd, struct buf *output,
	       int *status, struct err *e)
{
	AUTO(fd_pair) struct fd_pair out = FD_PAIR_INIT;
	AUTO(proc) struct proc p = PROC_INIT;
	AUTO(strv) struct strv argv = STRV_INIT;
	uint64_t deadline_ns = clock_mono_ns() + h->timeout_ms * NS_PER_MS;
	int wait_status;
	int r;

	r = fd_pipe(&out, e);
	if (r < 0)
		return r;
	strv_add(&argv, h->program);
	for (char *const *a = h->args; a && *a; a++)
		strv_add(&argv, *a);

	r = proc_spawn(&p, &(struct proc_spec){
		.path = h->program,
		.search = true,
		.argv = strv_args(&argv),
		.env = h->env,
		.fds = (struct proc_fd[]){ { input_fd, 0 }, { out.b, 1 } },
		.fd_count = 2,
	}, e);
	if (r < 0)
		return r;
	fd_auto(&out.b);
	r = read_all(out.a, output, deadline_ns, e);
	if (r == 0)
		r = wait_end(p.pidfd, deadline_ns, e);
	if (r == 0)
		r = proc_wait(&p, &wait_status, e);
	if (r == 0)
		*status = proc_exit_code(wait_status);
	return r;
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
