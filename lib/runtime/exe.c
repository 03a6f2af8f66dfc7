#include "lib/runtime/exe.h"

#include <fcntl.h>
#include <sys/sendfile.h>

#include "lib/base/fd.h"
#include "lib/os/mount.h"

int exe_clone(const char *path, const struct stat *st)
{
	struct mount_change c = {
		.set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		.propagation = MS_PRIVATE,
	};
	AUTO_FD int fd = mount_tree(NULL, AT_FDCWD, path, false, false);
	struct stat got;
	int r;

	if (fd < 0)
		return fd;
	if (fstat(fd, &got) < 0)
		return -errno;
	if (got.st_dev != st->st_dev || got.st_ino != st->st_ino)
		return -ESTALE;
	r = mount_change(NULL, fd, &c, false);
	return r < 0 ? r : take_fd(&fd);
}

int exe_seal(const char *path)
{
	AUTO_FD int from = open(path, O_RDONLY | O_CLOEXEC);
	AUTO_FD int fd = -1;
	struct stat st;
	off_t at = 0;
	int r;

	if (from < 0 || fstat(from, &st) < 0)
		return -errno;
	fd = fd_memory("coracle", true);
	if (fd < 0)
		return fd;
	while (at < st.st_size) {
		ssize_t n = sendfile(fd, from, &at, (size_t)(st.st_size - at));

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
	}
	r = fd_seal(&fd);
	return r < 0 ? r : take_fd(&fd);
}

bool exe_is_safe(const struct stat *st)
{
	AUTO_FD int fd = -1;

	if (geteuid() == 0)
		return false;
	if (st->st_uid == 0 && !(st->st_mode & (S_IWGRP | S_IWOTH)))
		return true;
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	return fd >= 0 && fd_seals(fd) == FD_SEALED;
}
