#include "lib/base/fs.h"

#include <dirent.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>

#include "lib/base/limits.h"
#include "lib/base/str.h"

int fs_read_fd(int fd, const char *what, struct buf *b, struct err *e)
{
	size_t step = KIB(16);
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		step = (size_t)st.st_size + 1;
	for (;;) {
		size_t left = b->max - b->len;
		char *room;
		ssize_t n;
		char over;

		if (step > left)
			step = left;
		room = left ? buf_room(b, step) : &over;
		n = read(fd, room, left ? step : 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read '%s'", what);
		if (n == 0)
			return 0;
		if (!left)
			return err_set(e, EFBIG, "'%s' is larger than %zu bytes",
				       what, b->max);
		b->len += (size_t)n;
		b->data[b->len] = '\0';
	}
}

/* A descriptor of a regular file, opened so that nothing else can block us. */
static int check_regular(int fd, const char *name, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat '%s'", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "'%s' is not a regular file", name);
	return 0;
}

int fs_read(int dirfd, const char *name, struct buf *b, struct err *e)
{
	AUTO_FD int fd = -1;
	int r;

	fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return err_sys(e, "open '%s'", name);
	r = check_regular(fd, name, e);
	if (r < 0)
		return r;
	return fs_read_fd(fd, name, b, e);
}

int fs_read_inroot(int root_fd, const char *path, struct buf *b, struct err *e)
{
	AUTO_FD int fd = -1;
	int r;

	fd = fs_open_inroot(root_fd, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0, e);
	if (fd < 0)
		return fd;
	r = check_regular(fd, path, e);
	if (r < 0)
		return r;
	return fs_read_fd(fd, path, b, e);
}

int fs_read_stream(int fd, const char *what, struct buf *b, struct err *e)
{
	ssize_t n;

	do {
		char chunk[16384];

		n = read(fd, chunk, sizeof(chunk));
		if (n > 0 && buf_add(b, chunk, (size_t)n) < 0)
			return err_set(e, EFBIG, "'%s': longer than %zu bytes", what, b->max);
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? err_sys(e, "read '%s'", what) : 0;
}

int fs_read_small(int dirfd, const char *name, char *out, size_t size,
		  ssize_t *len, struct err *e)
{
	AUTO_FD int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t done = 0;
	ssize_t n;

	if (fd < 0)
		return err_sys(e, "open '%s'", name);
	do {
		n = read(fd, out + done, size - 1 - done);
		if (n < 0 && errno != EINTR)
			return err_sys(e, "read '%s'", name);
		if (n > 0)
			done += (size_t)n;
	} while (n != 0 && done < size - 1);
	out[done] = '\0';
	if (len)
		*len = (ssize_t)done;
	return 0;
}

int fs_write_small(int dirfd, const char *name, const char *text, struct err *e)
{
	AUTO_FD int fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = strlen(text);
	ssize_t n;

	if (fd < 0)
		return err_sys(e, "open '%s'", name);
	do
		n = write(fd, text, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, "write '%s'", name);
	if ((size_t)n != len)
		return err_set(e, EIO, "write '%s': cut short", name);
	return 0;
}

int fs_write_all(int fd, const void *data, size_t len, struct err *e)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "write");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int fs_replace(int dirfd, const char *name, const void *data, size_t len,
	       mode_t mode, enum fs_sync sync, struct err *e)
{
	char tmp[64];
	AUTO_FD int fd = -1;
	int r;

	if (!str_is_component(name))
		return err_set(e, EINVAL, "bad file name '%s'", name);

	snprintf(tmp, sizeof(tmp), FS_NEW "%d", (int)getpid());
	fd = openat(dirfd, tmp,
		    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return err_sys(e, "create '%s'", name);

	r = fs_write_all(fd, data, len, e);
	if (!r && fchmod(fd, mode) < 0)
		r = err_sys(e, "set mode");
	if (!r && sync == FS_SYNC && fsync(fd) < 0)
		r = err_sys(e, "sync");
	if (!r && renameat(dirfd, tmp, dirfd, name) < 0)
		r = err_sys(e, "rename");
	if (r < 0) {
		(void)unlinkat(dirfd, tmp, 0);
		return err_ctx(e, r, "replace '%s'", name);
	}
	return sync == FS_SYNC ? fs_sync_dir(dirfd, name, e) : 0;
}

int fs_sync_dir(int fd, const char *what, struct err *e)
{
	if (fsync(fd) < 0)
		return err_sys(e, "sync the directory of '%s'", what);
	return 0;
}

int fs_open_dir(int dirfd, const char *name, struct err *e)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_sys(e, "open directory '%s'", name) : fd;
}

/* Makes one directory and sees to its mode; one that exists is left alone. */
static int make_dir(int dirfd, const char *name, mode_t mode)
{
	if (mkdirat(dirfd, name, mode) < 0)
		return errno == EEXIST ? 0 : -errno;
	return fchmodat(dirfd, name, mode, 0) < 0 ? -errno : 0;
}

int fs_mkdirs(int dirfd, const char *name, mode_t mode, struct err *e)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char path[MAX_PATH];
	int r;

	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		return err_sys(e, "open directory '%s'", name);
	if (!str_copy(path, sizeof(path), name))
		return err_set(e, ENAMETOOLONG, "make directory '%s'", name);
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		r = make_dir(dirfd, path, mode);
		if (r < 0)
			return err_ret(e, r, "make directory '%s'", path);
		*p = '/';
	}
	r = make_dir(dirfd, path, mode);
	if (r < 0)
		return err_ret(e, r, "make directory '%s'", path);
	return fs_open_dir(dirfd, path, e);
}

int fs_check_private(int fd, const char *what, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat '%s'", what);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ENOTDIR, "'%s' is not a directory", what);
	if (st.st_uid != geteuid())
		return err_set(e, EPERM, "'%s' belongs to user %u, not to us",
			       what, st.st_uid);
	if (st.st_mode & 0022)
		return err_set(e, EPERM, "'%s' can be written by others (mode %03o)",
			       what, st.st_mode & 0777);
	return 0;
}

int fs_each(int dirfd, fs_each_fn *each, void *arg, struct err *e)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *d;
	DIR *dir;
	int r = 0;

	if (fd < 0)
		return err_sys(e, "open directory");
	dir = fdopendir(fd);
	if (!dir) {
		r = err_sys(e, "open directory");
		fd_auto(&fd);
		return r;
	}
	for (;;) {
		errno = 0;
		d = readdir(dir);
		if (!d && errno)
			r = err_sys(e, "read directory");
		if (!d)
			break;
		if (str_eq(d->d_name, ".") || str_eq(d->d_name, ".."))
			continue;
		r = each(fd, d->d_name, d->d_type, arg, e);
		if (r)
			break;
	}
	closedir(dir);
	return r;
}

int fs_copy_data(int to, int from, uint64_t len, struct err *e)
{
	if (len == UINT64_MAX && ioctl(to, FICLONE, from) == 0)
		return 0;
	while (len) {
		size_t step = len < MIB(64) ? (size_t)len : MIB(64);
		ssize_t n = copy_file_range(from, NULL, to, NULL, step, 0);

		if (n < 0 && (errno == EXDEV || errno == EINVAL ||
			      errno == EOPNOTSUPP || errno == ENOSYS ||
			      errno == EBADF))
			n = sendfile(to, from, NULL, step);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "copy");
		if (n == 0)
			break;
		if (len != UINT64_MAX)
			len -= (uint64_t)n;
	}
	if (len && len != UINT64_MAX)
		return err_set(e, EIO, "copy: the file ended too early");
	return 0;
}
