#include "shim/stdio.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

#include "lib/base/fd.h"
#include "lib/fmt/shimmsg.h"

/* What may be in flight in a terminal whose processes are gone. */
#define TTY_DRAIN KIB(256)

#define MAX_READ_FAILURES 5

static const char *const out_names[2] = {
	[LOGLINE_STDOUT] = SHIM_STDOUT_NAME,
	[LOGLINE_STDERR] = SHIM_STDERR_NAME,
};

void stdio_init(struct stdio *io, struct loop *loop, const struct stdio_sink *sink)
{
	*io = (struct stdio){
		.loop = loop,
		.sink = *sink,
		.in_source = { .fd = -1 },
		.in_fd = -1,
		.slave_fd = -1,
	};
	for (int i = 0; i < 2; i++)
		io->out[i] = (struct stdio_out){
			.source = { .fd = -1 },
			.io = io,
			.stream = (enum logline_stream)i,
			.fd = -1,
		};
}

/* --- opening --- */

static int open_fifo(int run_fd, const char *name, int flags, struct err *e)
{
	AUTO_FD int fd = openat(run_fd, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return err_sys(e, "open '%s'", name);
	if (fstat(fd, &st) < 0 || !S_ISFIFO(st.st_mode))
		return err_set(e, EINVAL, "'%s' is not a fifo", name);
	return take_fd(&fd);
}

/* The caller's umask is 0.  A fifo of an earlier run is as good. */
static int make_fifo(int run_fd, const char *name, struct err *e)
{
	if (mkfifoat(run_fd, name, 0666) < 0 && errno != EEXIST)
		return err_sys(e, "make fifo '%s'", name);
	return 0;
}

static int make_output(struct stdio_out *o, int run_fd, int *child, struct err *e)
{
	const char *name = out_names[o->stream];
	int r = make_fifo(run_fd, name, e);

	if (r < 0)
		return r;
	*child = open_fifo(run_fd, name, O_RDWR, e);
	if (*child < 0)
		return *child;
	o->fd = open_fifo(run_fd, name, O_RDONLY | O_NONBLOCK, e);
	return o->fd < 0 ? o->fd : 0;
}

static int make_input(struct stdio *io, int run_fd, int *child, struct err *e)
{
	int r = make_fifo(run_fd, SHIM_STDIN_NAME, e);

	if (r < 0)
		return r;
	/* Non-blocking, since there is no writer yet. */
	*child = open_fifo(run_fd, SHIM_STDIN_NAME, O_RDONLY | O_NONBLOCK, e);
	if (*child < 0)
		return *child;
	io->in_fd = open_fifo(run_fd, SHIM_STDIN_NAME, O_WRONLY | O_NONBLOCK, e);
	return io->in_fd < 0 ? io->in_fd : fd_set_nonblock(*child, false, e);
}

int stdio_fifos(struct stdio *io, int run_fd, bool with_stdin, int child[3],
		struct err *e)
{
	mode_t mask = umask(0);
	int r = 0;

	if (with_stdin)
		r = make_input(io, run_fd, &child[0], e);
	for (int i = 0; i < 2 && r == 0; i++)
		r = make_output(&io->out[i], run_fd, &child[i + 1], e);
	umask(mask);
	return r;
}

void stdio_adopt(struct stdio *io, int run_fd, bool with_stdin)
{
	struct err lost = ERR_INIT;

	for (int i = 0; i < 2; i++) {
		io->out[i].fd = open_fifo(run_fd, out_names[i], O_RDONLY | O_NONBLOCK,
					  &lost);
		err_clear(&lost);
	}
	/* Fails when the container has closed it, or saw it end. */
	if (with_stdin)
		io->in_fd = open_fifo(run_fd, SHIM_STDIN_NAME, O_WRONLY | O_NONBLOCK,
				      &lost);
}

int stdio_terminal(struct stdio *io, int master, uint16_t rows, uint16_t cols,
		   struct err *e)
{
	io->tty = true;
	io->out[LOGLINE_STDOUT].fd = master;
	io->in_fd = master;
	/* With an end of our own open, the terminal does not hang up when all
	 * processes of the container happen to have closed it. */
	io->slave_fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	stdio_resize(io, rows, cols);
	return fd_set_nonblock(master, true, e);
}

/* --- output --- */

static void end_output(struct stdio_out *o)
{
	loop_remove(o->io->loop, &o->source);
	/* A terminal's master is the way in as well: that owner closes it. */
	if (o->fd == o->io->in_fd)
		o->fd = -1;
	fd_auto(&o->fd);
}

static void check_drained(struct stdio *io)
{
	if (!io->draining || io->drained)
		return;
	for (int i = 0; i < 2; i++)
		if (io->out[i].fd >= 0)
			return;
	io->drained = true;
	io->sink.drained(io->sink.arg);
}

/* A terminal fails when its other side is gone.  A FIFO has no reason to, and
 * given up it would stop who writes there: it is asked some more times. */
static bool may_read_again(struct stdio_out *o, int error)
{
	return error == EINTR ||
	       (error != EAGAIN && !o->io->tty && o->failures++ < MAX_READ_FAILURES);
}

/* One read.  False when nothing more can be had at present. */
static bool pump(struct stdio_out *o)
{
	static char bytes[STDIO_READ];
	struct stdio *io = o->io;
	size_t want = sizeof(bytes);
	ssize_t n;

	if (o->fd < 0)
		return false;
	if (!io->sink.has_room(io->sink.arg)) {
		/* Removed, not masked: a hang-up is always reported. */
		loop_remove(io->loop, &o->source);
		return false;
	}
	if (io->draining && o->left < want)
		want = o->left;
	n = want ? read(o->fd, bytes, want) : 0;
	if (n > 0) {
		o->failures = 0;
		o->left -= io->draining ? (size_t)n : 0;
		io->sink.data(io->sink.arg, o->stream, bytes, (size_t)n);
		return true;
	}
	if (n < 0 && may_read_again(o, errno))
		return true;
	if (n == 0 || errno != EAGAIN || io->draining)
		end_output(o);
	return false;
}

static void on_output(struct loop_source *s, uint32_t events)
{
	struct stdio_out *o = (struct stdio_out *)s;
	struct stdio *io = o->io;

	(void)events;
	(void)pump(o);
	check_drained(io);
}

static int watch(struct stdio_out *o, struct err *e)
{
	if (o->fd < 0 || o->source.fd >= 0)
		return 0;
	return loop_add(o->io->loop, &o->source, o->fd, EPOLLIN, on_output, e);
}

int stdio_run(struct stdio *io, struct err *e)
{
	int r = 0;

	for (int i = 0; i < 2 && r == 0; i++)
		r = watch(&io->out[i], e);
	return r;
}

void stdio_resume(struct stdio *io)
{
	struct err lost = ERR_INIT;

	for (int i = 0; i < 2; i++) {
		if (io->out[i].fd < 0 || io->out[i].source.fd >= 0)
			continue;
		if (io->draining)
			while (pump(&io->out[i]))
				;
		else if (watch(&io->out[i], &lost) < 0)
			err_clear(&lost);
	}
	check_drained(io);
}

void stdio_drain(struct stdio *io)
{
	io->draining = true;
	fd_auto(&io->slave_fd);
	for (int i = 0; i < 2; i++) {
		struct stdio_out *o = &io->out[i];
		int there = 0;

		if (o->fd < 0)
			continue;
		if (io->tty)
			o->left = TTY_DRAIN;
		else if (ioctl(o->fd, FIONREAD, &there) == 0 && there > 0)
			o->left = (size_t)there;
		while (pump(o))
			;
	}
	check_drained(io);
}

/* --- input --- */

/* A duplicate is watched, since epoll takes a descriptor only once and a
 * terminal's master is watched for output already. */
static void stop_waiting(struct stdio *io)
{
	int fd = io->in_source.fd;

	loop_remove(io->loop, &io->in_source);
	fd_auto(&fd);
}

static void on_room(struct loop_source *s, uint32_t events)
{
	struct stdio *io = (struct stdio *)((char *)s - offsetof(struct stdio, in_source));

	(void)events;
	stop_waiting(io);
	io->sink.stdin_room(io->sink.arg);
}

ssize_t stdio_write(struct stdio *io, const void *data, size_t len)
{
	ssize_t n;

	if (io->in_fd < 0)
		return -EPIPE;
	do
		n = write(io->in_fd, data, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -EPIPE;
	return n;
}

void stdio_want_room(struct stdio *io)
{
	struct err lost = ERR_INIT;
	AUTO_FD int fd = -1;

	if (io->in_fd < 0 || io->in_source.fd >= 0)
		return;
	fd = fcntl(io->in_fd, F_DUPFD_CLOEXEC, 3);
	if (fd >= 0 &&
	    loop_add(io->loop, &io->in_source, fd, EPOLLOUT, on_room, &lost) == 0)
		(void)take_fd(&fd);
}

void stdio_eof(struct stdio *io)
{
	struct termios t;

	if (io->in_fd < 0)
		return;
	if (!io->tty) {
		stop_waiting(io);
		fd_auto(&io->in_fd);
	} else if (tcgetattr(io->in_fd, &t) == 0 && t.c_lflag & ICANON) {
		(void)!write(io->in_fd, &t.c_cc[VEOF], 1);
	}
}

void stdio_resize(struct stdio *io, uint16_t rows, uint16_t cols)
{
	struct winsize w = { .ws_row = rows, .ws_col = cols };

	if (io->tty && io->in_fd >= 0 && rows && cols)
		(void)ioctl(io->in_fd, TIOCSWINSZ, &w);
}

void stdio_clear(struct stdio *io)
{
	stop_waiting(io);
	for (int i = 0; i < 2; i++)
		end_output(&io->out[i]);
	fd_auto(&io->in_fd);
	fd_auto(&io->slave_fd);
}
