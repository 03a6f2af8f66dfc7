/* coracle-oci in the foreground: signals, a terminal, an exit status. */
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "bin/oci.h"
#include "bin/oci_notify.h"
#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/limits.h"
#include "lib/base/proc.h"
#include "lib/os/pty.h"

struct foreground {
	struct oci_child child;
	const struct oci *o;
	int signals;			/* signalfd */
	bool is_raw;
	struct termios saved;
	struct buf input;		/* typed, and not yet taken by the terminal */
	bool ended;
	int status;
};

static void resize(const struct foreground *f)
{
	uint16_t rows, cols;

	if (f->child.console_fd >= 0 && pty_size(0, &rows, &cols) == 0)
		(void)pty_resize(f->child.console_fd, rows, cols);
}

static void reap(struct foreground *f)
{
	int status;
	pid_t pid;

	/* What the container left behind is ours, too. */
	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		if (pid != f->child.pid)
			continue;
		f->ended = true;
		f->status = proc_exit_code(status);
	}
}

static void on_signal(struct foreground *f)
{
	struct signalfd_siginfo info;

	if (read(f->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD)
		reap(f);
	else if (info.ssi_signo == SIGWINCH)
		resize(f);
	else
		(void)proc_pidfd_kill(f->child.pidfd, (int)info.ssi_signo);
}

/* false: there will be no more. */
static bool show(struct foreground *f)
{
	struct err lost = ERR_INIT;
	char text[KIB(16)];
	ssize_t n = read(f->child.console_fd, text, sizeof(text));

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	return n > 0 && fs_write_all(1, text, (size_t)n, &lost) == 0;
}

static bool type(struct foreground *f)
{
	char *room = buf_room(&f->input, KIB(4));
	ssize_t n = room ? read(0, room, KIB(4)) : 0;

	if (n > 0)
		f->input.len += (size_t)n;
	return n > 0 || (n < 0 && errno == EINTR);
}

static void feed(struct foreground *f)
{
	ssize_t n = write(f->child.console_fd, f->input.data, f->input.len);

	if (n > 0)
		buf_drop(&f->input, (size_t)n);
}

static void pass_word(struct foreground *f)
{
	struct err why = ERR_INIT;
	int r = oci_notify_take(f->child.notify_fd, f->child.pid, &why);

	if (r < 0)
		oci_warn(f->o, "%s", why.text);
	if (r)
		f->child.notify_fd = -1;
}

/* To the end of the process, and of what it has written. */
static int relay(struct foreground *f, struct err *e)
{
	bool typing = f->child.console_fd >= 0, showing = f->child.console_fd >= 0;

	while (!f->ended || showing) {
		struct pollfd p[] = {
			{ .fd = f->signals, .events = POLLIN },
			{ .fd = showing ? f->child.console_fd : -1,
			  .events = (short)(POLLIN | (f->input.len ? POLLOUT : 0)) },
			{ .fd = typing && !f->input.len ? 0 : -1, .events = POLLIN },
			/* readable at the end: no SIGCHLD may come */
			{ .fd = f->ended ? -1 : f->child.pidfd, .events = POLLIN },
			{ .fd = f->child.notify_fd, .events = POLLIN },
		};
		int n = poll(p, ARRAY_SIZE(p), f->ended ? 0 : -1);

		if (n < 0 && errno != EINTR)
			return err_sys(e, "poll");
		if (n <= 0 && f->ended)
			break;
		if (p[0].revents)
			on_signal(f);
		if (p[3].revents)
			reap(f);
		if (p[1].revents & POLLOUT)
			feed(f);
		if (p[1].revents & ~POLLOUT)
			showing = show(f);
		if (p[2].revents)
			typing = type(f);
		if (p[4].revents)
			pass_word(f);
	}
	return 0;
}

int oci_hold_signals(bool adopt, struct err *e)
{
	sigset_t all;

	sigfillset(&all);
	if (sigprocmask(SIG_BLOCK, &all, NULL) < 0)
		return err_sys(e, "block signals");
	if (adopt && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return err_sys(e, "become a subreaper");
	return 0;
}

int oci_foreground(int *status, const struct oci_child *child, const struct oci *o,
		   struct err *e)
{
	struct foreground f = { .child = *child, .o = o, .input = BUF_INIT(KIB(64)) };
	sigset_t all;
	int r;

	sigfillset(&all);
	f.signals = signalfd(-1, &all, SFD_CLOEXEC);
	if (f.signals < 0)
		return err_sys(e, "listen to signals");
	resize(&f);
	f.is_raw = child->console_fd >= 0 && pty_raw(0, &f.saved) == 0;
	/* It may have ended before anybody listened. */
	reap(&f);
	r = relay(&f, e);
	if (f.is_raw)
		pty_restore(0, &f.saved);
	fd_auto(&f.signals);
	buf_clear(&f.input);
	*status = f.status;
	return r;
}
