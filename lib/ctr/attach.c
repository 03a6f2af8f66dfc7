#include "lib/ctr/attach.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>

#include "lib/base/fd.h"
#include "lib/base/mem.h"

/* --- detach keys --- */

static int parse_key(const char *word, size_t len, unsigned char *out)
{
	char c;

	if (len == 1 && word[0] > ' ' && word[0] < 0x7f) {
		*out = (unsigned char)word[0];
		return 0;
	}
	if (len != 6 || strncmp(word, "ctrl-", 5))
		return -EINVAL;
	c = word[5];
	if (c >= 'a' && c <= 'z')
		*out = (unsigned char)(c - 'a' + 1);
	else if (c == '@' || (c >= '[' && c <= '_'))
		*out = (unsigned char)(c - '@');
	else
		return -EINVAL;
	return 0;
}

int attach_keys_parse(struct attach_keys *out, const char *text, struct err *e)
{
	struct attach_keys k = { .len = 0 };
	const char *p = text;

	while (*p) {
		/* A comma may be a key itself: ",," or "a,,". */
		size_t len = *p == ',' ? 1 : strcspn(p, ",");

		if (k.len == ATTACH_KEYS_MAX)
			return err_set(e, EINVAL, "detach keys '%s': more than %d", text,
				       ATTACH_KEYS_MAX);
		if (parse_key(p, len, &k.key[k.len]) < 0)
			return err_set(e, EINVAL,
				       "detach keys '%s': '%.*s' is not a letter or ctrl-letter",
				       text, (int)len, p);
		k.len++;
		p += len;
		if (!*p)
			break;
		if (*p != ',' || !p[1])
			return err_set(e, EINVAL, "detach keys '%s': a key is missing", text);
		p++;
	}
	*out = k;
	return 0;
}

/* The longest beginning of the keys that ends what was typed, after matched
 * keys and then c. */
static size_t next_match(const struct attach_keys *k, size_t matched, unsigned char c)
{
	for (size_t len = matched + 1; len > 0; len--)
		if (k->key[len - 1] == c &&
		    !memcmp(k->key, k->key + matched + 1 - len, len - 1))
			return len;
	return 0;
}

size_t attach_filter_add(struct attach_filter *f, const unsigned char *typed,
			 size_t len, unsigned char *out, bool *detached)
{
	size_t n = 0;

	*detached = false;
	for (size_t i = 0; i < len; i++) {
		size_t held = f->matched;
		size_t now = f->keys.len ? next_match(&f->keys, held, typed[i]) : 0;
		size_t loose = held + 1 - now;

		if (f->keys.len && now == f->keys.len) {
			*detached = true;
			return n;
		}
		/* Of the held keys and this one, the first are not part of it. */
		for (size_t j = 0; j < loose; j++)
			out[n++] = j < held ? f->keys.key[j] : typed[i];
		f->matched = now;
	}
	return n;
}

/* --- our terminal --- */

bool attach_window(int fd, uint16_t *rows, uint16_t *cols)
{
	struct winsize w;

	if (fd < 0 || ioctl(fd, TIOCGWINSZ, &w) < 0)
		return false;
	*rows = w.ws_row;
	*cols = w.ws_col;
	return true;
}

struct raw {
	int fd;				/* -1: nothing to restore */
	struct termios old;
};

static void raw_on(struct raw *r, int fd)
{
	struct termios t;

	if (fd < 0 || tcgetattr(fd, &r->old) < 0)
		return;
	t = r->old;
	cfmakeraw(&t);
	if (tcsetattr(fd, TCSADRAIN, &t) == 0)
		r->fd = fd;
}

static void raw_auto(struct raw *r)
{
	int saved = errno;

	/* In the background this would stop us: SIGTTOU is blocked here. */
	if (r->fd >= 0)
		(void)tcsetattr(r->fd, TCSADRAIN, &r->old);
	r->fd = -1;
	errno = saved;
}

/* --- signals --- */

struct signals {
	int fd;				/* -1: none are taken */
	bool blocked;
	sigset_t old;
};

static void signals_auto(struct signals *s)
{
	fd_auto(&s->fd);
	if (s->blocked)
		(void)sigprocmask(SIG_SETMASK, &s->old, NULL);
	s->blocked = false;
}

/* All that can be caught, but what is about ourselves and job control. They
 * are taken even when they are not passed on, so that none of them ends us
 * with a raw terminal. */
static int signals_on(struct signals *s, struct err *e)
{
	static const int ours[] = { SIGCHLD, SIGPIPE, SIGURG, SIGSEGV, SIGBUS, SIGILL,
				    SIGFPE, SIGTRAP, SIGSYS, SIGTSTP, SIGCONT, SIGTTIN };
	sigset_t mask;

	sigfillset(&mask);
	for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
		sigdelset(&mask, ours[i]);
	if (sigprocmask(SIG_BLOCK, &mask, &s->old) < 0)
		return err_sys(e, "block signals");
	s->blocked = true;
	/* Blocked, but not looked at: restoring the terminal from the
	 * background raises it. */
	sigdelset(&mask, SIGTTOU);
	s->fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->fd < 0 ? err_sys(e, "make a signalfd") : 0;
}

/* --- the loop --- */

#define CHUNK SHIM_STDIN_MAX

struct session {
	const struct attach_opts *o;
	struct client *c;
	struct attach_filter filter;
	struct signals signals;
	struct raw raw;
	int in;				/* -1: ended, or none */
	bool in_flight;			/* stdin bytes are with the shim */
	bool over;
	bool pty_open;
	struct attach_result result;
	size_t to_pty;			/* typed bytes that the pty has not taken */
	size_t to_pty_at;
	unsigned char typed[CHUNK];
	union {
		char frame[MAX_SHIM_MESSAGE];
		struct shim_msg align;
	};
};

static int tell(struct session *s, struct shim_msg m, const void *data, const int *fd,
		struct err *e)
{
	struct iovec iov[2] = { { &m, sizeof(m) }, { (void *)data, m.len } };
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	if (fd) {
		memcpy(s->frame, &m, sizeof(m));
		n = fd_send(s->c->sock, s->frame, sizeof(m), fd, 1, 0, e);
		return n < 0 ? (int)n : 0;
	}
	do
		n = sendmsg(s->c->sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	/* What a shim said before it went, the exit code, is still to be read. */
	if (n < 0 && errno != EPIPE && errno != ECONNRESET)
		return err_sys(e, "tell the container's shim");
	return 0;
}

static int send_window(struct session *s, struct err *e)
{
	uint16_t rows, cols;
	struct winsize w;

	if (!s->o->tty || (!attach_window(s->o->in, &rows, &cols) &&
			   !attach_window(s->o->out, &rows, &cols)))
		return 0;
	if (s->pty_open) {
		w = (struct winsize){ .ws_row = rows, .ws_col = cols };
		(void)ioctl(s->o->pty, TIOCSWINSZ, &w);
		return 0;
	}
	return tell(s, shim_msg_make(SHIM_RESIZE, (int64_t)rows << 16 | cols), NULL, NULL, e);
}

static int pass_signals(struct session *s, struct err *e)
{
	struct signalfd_siginfo si;
	int r = 0;

	while (r == 0 && read(s->signals.fd, &si, sizeof(si)) == sizeof(si)) {
		struct shim_msg m = shim_msg_make(SHIM_KILL, si.ssi_signo);

		m.id = s->o->exec_id;
		if (si.ssi_signo == SIGWINCH)
			r = send_window(s, e);
		else if (s->o->sig_proxy)
			r = tell(s, m, NULL, NULL, e);
		else
			r = err_set(e, EINTR, "interrupted by signal %u", si.ssi_signo);
	}
	return r;
}

/* --- in --- */

static int send_eof(struct session *s, struct err *e)
{
	struct termios t;

	if (!s->pty_open)
		return tell(s, shim_msg_make(SHIM_STDIN_EOF, 0), NULL, NULL, e);
	if (tcgetattr(s->o->pty, &t) == 0)
		(void)!write(s->o->pty, &t.c_cc[VEOF], 1);
	return 0;
}

static void push_to_pty(struct session *s)
{
	while (s->to_pty) {
		ssize_t n = write(s->o->pty, s->typed + s->to_pty_at, s->to_pty);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			break;
		s->to_pty_at += (size_t)n;
		s->to_pty -= (size_t)n;
	}
	s->to_pty = 0;
	s->in_flight = false;
}

static int detach(struct session *s, struct err *e)
{
	struct shim_msg m = shim_msg_make(SHIM_KEEP, 0);

	s->over = true;
	s->result.end = ATTACH_DETACHED;
	if (!s->pty_open)
		return 0;
	/* The process keeps its terminal: somebody must hold the master. */
	m.id = s->o->exec_id;
	return tell(s, m, NULL, &s->o->pty, e);
}

static int take_input(struct session *s, struct err *e)
{
	struct shim_msg m = shim_msg_make(SHIM_STDIN, 0);
	unsigned char bytes[CHUNK - ATTACH_KEYS_MAX];
	bool detached = false;
	ssize_t n = read(s->in, bytes, sizeof(bytes));
	size_t len;
	int r = 0;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0) {
		s->in = -1;
		return send_eof(s, e);
	}
	len = attach_filter_add(&s->filter, bytes, (size_t)n, s->typed, &detached);
	if (len && s->pty_open) {
		s->to_pty = len;
		s->to_pty_at = 0;
		s->in_flight = true;
		push_to_pty(s);
	}
	/* At most one frame is under way, and it holds SHIM_STDIN_MAX. */
	if (len && !s->pty_open) {
		m.len = (uint32_t)len;
		s->in_flight = true;
		r = tell(s, m, s->typed, NULL, e);
	}
	return r == 0 && detached ? detach(s, e) : r;
}

/* --- out --- */

/* What a pipe takes without blocking once it is writable. */
#define PIPE_CHUNK 4096

/* Waits for fd, and passes signals on meanwhile: ctrl-c must work while a
 * pager holds our output. */
static int wait_writable(struct session *s, int fd, struct err *e)
{
	for (;;) {
		struct pollfd p[2] = {
			{ .fd = fd, .events = POLLOUT },
			{ .fd = s->signals.fd, .events = POLLIN },
		};
		int r;

		if (poll(p, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return err_sys(e, "poll");
		}
		r = p[1].revents ? pass_signals(s, e) : 0;
		if (r < 0 || p[0].revents)
			return r;
	}
}

static int put(struct session *s, int fd, const void *data, size_t len, struct err *e)
{
	const char *p = data;

	while (fd >= 0 && len) {
		int r = wait_writable(s, fd, e);
		ssize_t n;

		if (r < 0)
			return r;
		n = write(fd, p, len < PIPE_CHUNK ? len : PIPE_CHUNK);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return err_sys(e, "write the container's output");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int take_frame(struct session *s, struct err *e)
{
	struct shim_msg m;
	const void *data;
	ssize_t n = fd_recv(s->c->sock, s->frame, sizeof(s->frame), NULL, NULL,
			    MSG_DONTWAIT, e);
	int r;

	if (n == -EAGAIN) {
		err_clear(e);
		return 0;
	}
	if (n <= 0) {
		err_clear(e);
		return err_set(e, ECONNRESET, "the container's shim is gone");
	}
	r = shim_msg_parse(&m, &data, s->frame, (size_t)n, e);
	if (r < 0)
		return r;
	switch (m.op) {
	case SHIM_STDOUT:
		return put(s, s->o->out, data, m.len, e);
	case SHIM_STDERR:
		return put(s, s->o->err, data, m.len, e);
	case SHIM_STDIN_DONE:
		s->in_flight = false;
		return 0;
	case SHIM_EXIT:
		if (m.id == s->o->exec_id) {
			s->over = true;
			s->result = (struct attach_result){ ATTACH_EXITED, (int)m.value };
		}
		return 0;
	default:
		/* Answers to signals: a process that is gone needs none. */
		return 0;
	}
}

/* False when there is nothing to read now. */
static bool pump_pty(struct session *s, int *r, struct err *e)
{
	ssize_t n = read(s->o->pty, s->frame, CHUNK);

	if (n > 0) {
		*r = put(s, s->o->out, s->frame, (size_t)n, e);
		return *r == 0;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		s->pty_open = false;
	return false;
}

/* --- together --- */

enum { P_SOCK, P_SIGNALS, P_IN, P_PTY, POLLS };

static int once(struct session *s, struct err *e)
{
	struct pollfd p[POLLS] = {
		[P_SOCK] = { .fd = s->c->sock, .events = POLLIN },
		[P_SIGNALS] = { .fd = s->signals.fd, .events = POLLIN },
		[P_IN] = { .fd = s->in_flight ? -1 : s->in, .events = POLLIN },
		[P_PTY] = { .fd = s->pty_open ? s->o->pty : -1, .events = POLLIN },
	};
	int r = 0;

	if (s->to_pty)
		p[P_PTY].events |= POLLOUT;
	if (poll(p, POLLS, -1) < 0)
		return errno == EINTR ? 0 : err_sys(e, "poll");
	if (p[P_PTY].revents & POLLOUT)
		push_to_pty(s);
	if (p[P_PTY].revents & ~POLLOUT)
		(void)pump_pty(s, &r, e);
	if (r == 0 && p[P_SIGNALS].revents)
		r = pass_signals(s, e);
	if (r == 0 && p[P_SOCK].revents)
		r = take_frame(s, e);
	if (r == 0 && p[P_IN].revents && !s->over)
		r = take_input(s, e);
	return r;
}

static int run(struct session *s, struct err *e)
{
	int r = signals_on(&s->signals, e);

	if (r < 0)
		return r;
	if (s->o->tty)
		raw_on(&s->raw, s->o->in);
	r = send_window(s, e);
	while (r == 0 && !s->over)
		r = once(s, e);
	/* What the process wrote before it ended. */
	if (r == 0 && s->result.end == ATTACH_EXITED)
		while (s->pty_open && pump_pty(s, &r, e))
			;
	return r;
}

int attach_begin(struct client *c, uint32_t streams, struct err *e)
{
	struct shim_msg m = shim_msg_make(SHIM_ATTACH, 0);
	ssize_t n;

	m.flags = streams;
	n = fd_send(c->sock, &m, sizeof(m), NULL, 0, 0, e);
	return n < 0 ? (int)n : 0;
}

int attach_run(struct attach_result *out, struct client *c,
	       const struct attach_opts *o, struct err *e)
{
	AUTO_FREE struct session *s = mem_new(struct session);
	int r;

	s->o = o;
	s->c = c;
	if (o->tty)
		s->filter.keys = o->keys;
	s->signals.fd = -1;
	s->raw.fd = -1;
	s->in = o->in;
	s->pty_open = o->pty >= 0;
	r = o->pty >= 0 ? fd_set_nonblock(o->pty, true, e) : 0;
	if (r == 0)
		r = run(s, e);
	raw_auto(&s->raw);
	signals_auto(&s->signals);
	if (r == 0)
		*out = s->result;
	return r;
}
