#include "lib/ctr/logs.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"
#include "lib/ctr/client.h"
#include "lib/fmt/logline.h"

/* More than the shim ever makes (shim/log.h). */
#define FILES_MAX 1000
#define READ_CHUNK KIB(64)
/* A shim that died does not say that the container ended. */
#define LOOK_MS 1000
/* How often a file may be rotated while the next one is opened. */
#define TRIES 100

struct reader {
	const struct logs_opts *o;
	int data_fd;
	int fd;				/* the file being read; -1: none yet */
	ino_t inode;			/* of it */
	uint64_t offset;
	bool past_end;			/* a record after until */
	bool begun[2];			/* a line of that stream is unfinished */
	uint64_t skip;			/* lines before the tail */
	struct buf text;		/* read, not yet whole lines */
	struct buf out[2];
};

/* --- one record --- */

static void add_masked(struct buf *b, const char *text, size_t len)
{
	AUTO_FREE char *copy = mem_strn(text, len);
	size_t body = len && text[len - 1] == '\n' ? len - 1 : len;

	/* NUL would end the string early. */
	for (size_t i = 0; i < body; i++)
		if (!copy[i])
			copy[i] = '?';
	copy[body] = '\0';
	str_mask(copy);
	(void)buf_adds(b, copy);
	if (body < len)
		(void)buf_addc(b, '\n');
}

static int flush(struct reader *r, struct err *e)
{
	const int fds[2] = { r->o->out, r->o->err };

	for (int i = 0; i < 2; i++) {
		int ret = fds[i] < 0 ? 0 : fs_write_all(fds[i], r->out[i].data,
							r->out[i].len, e);

		buf_reset(&r->out[i]);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static int show(struct reader *r, const struct logline *l, struct err *e)
{
	struct buf *b = &r->out[l->stream];
	bool first = !r->begun[l->stream];
	char time[CLOCK_TEXT_MAX];

	r->begun[l->stream] = !l->len || l->text[l->len - 1] != '\n';
	if (l->time_ns > r->o->until_ns) {
		r->past_end = true;
		return 0;
	}
	if (l->time_ns < r->o->since_ns ||
	    (l->stream == LOGLINE_STDERR ? r->o->err : r->o->out) < 0)
		return 0;
	if (r->skip) {
		r->skip -= r->begun[l->stream] ? 0 : 1;
		return 0;
	}
	/* Both streams often are one file: their order must stay. */
	if (r->out[!l->stream].len && flush(r, e) < 0)
		return -e->code;
	if (r->o->timestamps && first) {
		clock_print(l->time_ns, time);
		(void)buf_addf(b, "%s ", time);
	}
	if (r->o->mask)
		add_masked(b, l->text, l->len);
	else
		(void)buf_add(b, l->text, l->len);
	return b->len > READ_CHUNK ? flush(r, e) : 0;
}

/* --- files --- */

typedef int record_fn(struct reader *r, const struct logline *l, struct err *e);

/* Hands over every whole record in r->text; one that is not a record is
 * passed over. */
static int take_records(struct reader *r, record_fn *fn, struct err *e)
{
	size_t done = 0;
	int ret = 0;

	while (ret == 0 && !r->past_end) {
		char *line = r->text.data + done;
		char *nl = memchr(line, '\n', r->text.len - done);
		struct err bad = ERR_INIT;
		struct logline l;

		if (!nl)
			break;
		done = (size_t)(nl + 1 - r->text.data);
		if (logline_parse(&l, line, (size_t)(nl - line), &bad) == 0)
			ret = fn(r, &l, e);
	}
	buf_drop(&r->text, done);
	/* Nothing of ours is that long. */
	if (r->text.len > LOGLINE_PRINTED_MAX)
		buf_reset(&r->text);
	return ret;
}

/* Reads the open file on to its present end. */
static int read_on(struct reader *r, record_fn *fn, struct err *e)
{
	while (r->fd >= 0 && !r->past_end) {
		char *room = buf_room(&r->text, READ_CHUNK);
		ssize_t n;
		int ret;

		if (!room)
			return err_set(e, EFBIG, "read the log: line too long");
		n = pread(r->fd, room, READ_CHUNK, (off_t)r->offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read the log");
		if (n == 0)
			return 0;
		r->offset += (uint64_t)n;
		r->text.len += (size_t)n;
		r->text.data[r->text.len] = '\0';
		ret = take_records(r, fn, e);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static void file_name(char out[static 32], unsigned i)
{
	if (i)
		snprintf(out, 32, SHIM_LOG_NAME ".%u", i);
	else
		snprintf(out, 32, SHIM_LOG_NAME);
}

/* The inode of log.i, or 0. */
static ino_t inode_of(const struct reader *r, unsigned i)
{
	char name[32];
	struct stat st;

	file_name(name, i);
	return fstatat(r->data_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? st.st_ino : 0;
}

/* The number that the file of this inode has now, FILES_MAX when there is none;
 * and the number of the oldest file.  A rotation that is under way leaves one
 * number free; since it moves files upwards only, counting upwards misses
 * none. */
static unsigned find_inode(const struct reader *r, ino_t inode, unsigned *oldest)
{
	unsigned missing = 0;

	*oldest = 0;
	for (unsigned i = 0; i < FILES_MAX && missing < 2; i++) {
		ino_t got = inode_of(r, i);

		missing = got ? 0 : missing + 1;
		if (got)
			*oldest = i;
		if (got && got == inode)
			return i;
	}
	return FILES_MAX;
}

static int open_file(const struct reader *r, unsigned i, ino_t *inode, struct err *e)
{
	AUTO_FD int fd = -1;
	char name[32];
	struct stat st;

	file_name(name, i);
	fd = openat(r->data_fd, name,
		    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return err_sys(e, "open '%s'", name);
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat '%s'", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "'%s' is not a regular file", name);
	*inode = st.st_ino;
	return take_fd(&fd);
}

static void move_to(struct reader *r, int fd, ino_t inode)
{
	fd_auto(&r->fd);
	r->fd = fd;
	r->inode = inode;
	r->offset = 0;
	buf_reset(&r->text);
}

/* Opens the file that follows the open one, or the oldest.  1: done, 0: there
 * is none yet, and the open one stays.  Files move while we look: the open one
 * must have kept its number until the next was open. */
static int next_file(struct reader *r, struct err *e)
{
	ino_t inode = r->fd < 0 ? 0 : r->inode;

	for (int tries = 0; tries < TRIES; tries++) {
		unsigned oldest, at = find_inode(r, inode, &oldest);
		ino_t next = 0;
		int fd;

		if (at == 0)
			return 0;
		fd = open_file(r, at == FILES_MAX ? oldest : at - 1, &next, e);
		if (fd < 0 && fd != -ENOENT)
			return fd;
		err_clear(e);
		if (fd >= 0 && (at == FILES_MAX || find_inode(r, inode, &oldest) == at)) {
			move_to(r, fd, next);
			return 1;
		}
		fd_auto(&fd);
	}
	return inode ? 0 : err_set(e, ENOENT, "no log was written");
}

/* Reads the open file and all that follow it; the newest stays open. */
static int read_rest(struct reader *r, record_fn *fn, struct err *e)
{
	for (;;) {
		int ret = read_on(r, fn, e);
		unsigned oldest;

		if (ret == 0 && r->fd >= 0) {
			if (find_inode(r, r->inode, &oldest) == 0)
				return 0;
			/* What was added before it was renamed. */
			ret = read_on(r, fn, e);
		}
		if (ret == 0)
			ret = next_file(r, e);
		if (ret <= 0)
			return ret;
	}
}

static int read_all(struct reader *r, record_fn *fn, struct err *e)
{
	fd_auto(&r->fd);
	return read_rest(r, fn, e);
}

/* --- tail --- */

static int count_record(struct reader *r, const struct logline *l, struct err *e)
{
	bool first = !r->begun[l->stream];

	(void)e;
	r->begun[l->stream] = !l->len || l->text[l->len - 1] != '\n';
	if (l->time_ns > r->o->until_ns)
		r->past_end = true;
	else if (first && l->time_ns >= r->o->since_ns &&
		 (l->stream == LOGLINE_STDERR ? r->o->err : r->o->out) >= 0)
		r->skip++;
	return 0;
}

/* How many of the lines come before the last o->tail ones. */
static int find_tail(struct reader *r, struct err *e)
{
	int ret = read_all(r, count_record, e);

	r->skip = r->skip > r->o->tail ? r->skip - r->o->tail : 0;
	r->past_end = false;
	r->begun[0] = r->begun[1] = false;
	return ret;
}

/* --- follow --- */

/* 1: nothing more will come. */
static int has_ended(const struct reader *r, struct err *e)
{
	struct err lost = ERR_INIT;
	enum client_health health;
	struct shim_page page;

	if (r->o->run_fd < 0 || client_look(r->o->run_fd, &page, &health, &lost) < 0)
		return 1;
	if (health == CLIENT_ORPHAN)
		return r->o->adopt ? r->o->adopt(r->o->arg, e) : 0;
	return health != CLIENT_SERVED;
}

/* Waits for a change of the directory; true when stdout is gone. */
static bool wait_change(struct reader *r, int watch_fd)
{
	struct pollfd p[2] = {
		{ .fd = watch_fd, .events = POLLIN },
		{ .fd = r->o->out },
	};
	char events[4096];

	(void)poll(p, 2, LOOK_MS);
	while (watch_fd >= 0 && read(watch_fd, events, sizeof(events)) > 0)
		;
	return p[1].revents & POLLERR;
}

static int follow(struct reader *r, int watch_fd, struct err *e)
{
	for (;;) {
		/* Asked first: what was written before the end is read below. */
		int ended = has_ended(r, e);
		int ret = ended < 0 ? ended : read_rest(r, show, e);

		if (ret == 0)
			ret = flush(r, e);
		if (ret < 0 || ended || r->past_end ||
		    clock_wall_ns() > r->o->until_ns)
			return ret;
		if (wait_change(r, watch_fd))
			return err_set(e, EPIPE, "nobody reads the output");
	}
}

static int watch_dir(int data_fd)
{
	AUTO_FD int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/", data_fd);
	/* Without (a user has a limited number), it is looked at from time to
	 * time. */
	if (fd < 0 ||
	    inotify_add_watch(fd, path, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return -1;
	return take_fd(&fd);
}

int logs_print(int data_fd, const struct logs_opts *o, struct err *e)
{
	struct reader r = {
		.o = o,
		.data_fd = data_fd,
		.fd = -1,
		.text = BUF_INIT(LOGLINE_PRINTED_MAX * 2 + READ_CHUNK),
		.out = { BUF_INIT(MIB(1)), BUF_INIT(MIB(1)) },
	};
	AUTO_FD int watch_fd = o->follow ? watch_dir(data_fd) : -1;
	int ret = 0;

	if (o->tail != LOGS_ALL)
		ret = find_tail(&r, e);
	if (ret == 0)
		ret = read_all(&r, show, e);
	if (ret == 0)
		ret = flush(&r, e);
	if (ret == 0 && o->follow)
		ret = follow(&r, watch_fd, e);
	fd_auto(&r.fd);
	buf_clear(&r.text);
	for (int i = 0; i < 2; i++)
		buf_clear(&r.out[i]);
	return ret;
}
