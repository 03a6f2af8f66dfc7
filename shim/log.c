#include "shim/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/fmt/shimmsg.h"

_Static_assert(LOG_BATCH >= LOGLINE_PRINTED_MAX, "a record fits into a batch");

int log_reopen(struct log *l, struct err *e)
{
	AUTO_FD int fd = openat(l->dir_fd, SHIM_LOG_NAME,
				O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK |
					O_NOCTTY | O_CLOEXEC,
				0600);
	struct stat st;
	char last = '\n';

	if (fd < 0)
		return err_sys(e, "open the log");
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat the log");
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "the log is not a regular file");
	if (st.st_size && pread(fd, &last, 1, st.st_size - 1) != 1)
		return err_sys(e, "read the log");
	fd_auto(&l->fd);
	l->fd = take_fd(&fd);
	l->size = (uint64_t)st.st_size;
	l->torn = last != '\n';
	return 0;
}

int log_open(struct log *l, int dir_fd, uint64_t max_size, uint32_t files,
	     struct err *e)
{
	/* Not a whole assignment: it would touch every page of it. */
	l->dir_fd = dir_fd;
	l->fd = -1;
	l->max_size = max_size;
	l->files = files < LOG_FILES_MAX ? files : LOG_FILES_MAX;
	return log_reopen(l, e);
}

void log_clear(struct log *l)
{
	fd_auto(&l->fd);
}

static void file_name(char out[static 32], uint32_t i)
{
	if (i)
		snprintf(out, 32, SHIM_LOG_NAME ".%u", i);
	else
		snprintf(out, 32, SHIM_LOG_NAME);
}

static void rotate(struct log *l)
{
	struct err ignored = ERR_INIT;
	char from[32], to[32];

	for (uint32_t i = l->files - 1; i > 0; i--) {
		file_name(from, i - 1);
		file_name(to, i);
		if (renameat(l->dir_fd, from, l->dir_fd, to) < 0 && errno != ENOENT)
			return;
	}
	if (l->files == 1 && unlinkat(l->dir_fd, SHIM_LOG_NAME, 0) < 0 &&
	    errno != ENOENT)
		return;
	/* On failure the old file, under its new name, takes what follows. */
	(void)!log_reopen(l, &ignored);
}

static void flush(struct log *l)
{
	size_t len = l->batch_len;
	ssize_t n;

	l->batch_len = 0;
	if (l->fd < 0 || !len)
		return;
	if (l->max_size && l->size && l->size + len > l->max_size)
		rotate(l);
	if (l->torn && write(l->fd, "\n", 1) != 1)
		return;
	n = write(l->fd, l->batch, len);
	if (n > 0)
		l->size += (uint64_t)n;
	l->torn = n > 0 && (size_t)n < len;
}

static void emit(struct log *l, enum logline_stream stream, const char *text,
		 size_t len, uint64_t now_ns)
{
	struct logline rec = { now_ns, stream, text, len };

	if (l->batch_len + len * 6 + 128 > LOG_BATCH)
		flush(l);
	l->batch_len += logline_print(l->batch + l->batch_len, &rec);
	/* What is gathered is no more than a file may hold. */
	if (l->max_size && l->batch_len >= l->max_size)
		flush(l);
}

/* Adds a piece without newline, or with one at its end, to the line that was
 * begun; a line that is too long goes out in parts. */
static void gather(struct log *l, enum logline_stream stream, const char *piece,
		   size_t len, uint64_t now_ns)
{
	struct log_line *line = &l->line[stream];

	while (len) {
		size_t room = MAX_LOG_LINE - line->len;
		size_t take = len < room ? len : room;
		size_t out;

		memcpy(line->text + line->len, piece, take);
		line->len += take;
		piece += take;
		len -= take;
		if (line->text[line->len - 1] == '\n')
			out = line->len;
		else if (line->len == MAX_LOG_LINE)
			out = logline_cut(line->text, MAX_LOG_LINE);
		else
			return;
		emit(l, stream, line->text, out, now_ns);
		line->len -= out;
		memmove(line->text, line->text + out, line->len);
	}
}

void log_add(struct log *l, enum logline_stream stream, const char *data,
	     size_t len, uint64_t now_ns)
{
	if (l->fd < 0)
		return;
	while (len) {
		const char *nl = memchr(data, '\n', len);
		size_t piece = nl ? (size_t)(nl - data) + 1 : len;

		if (nl && !l->line[stream].len && piece <= MAX_LOG_LINE)
			emit(l, stream, data, piece, now_ns);
		else
			gather(l, stream, data, piece, now_ns);
		data += piece;
		len -= piece;
	}
	flush(l);
}

void log_end(struct log *l, enum logline_stream stream, uint64_t now_ns)
{
	struct log_line *line = &l->line[stream];

	if (l->fd < 0 || !line->len)
		return;
	emit(l, stream, line->text, line->len, now_ns);
	line->len = 0;
	flush(l);
}
