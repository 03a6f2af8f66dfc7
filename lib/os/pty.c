#include "lib/os/pty.h"

#include <fcntl.h>
#include <sys/ioctl.h>

int pty_open(int *master, int *slave, int pts_dir_fd)
{
	AUTO_FD int m = openat(pts_dir_fd,
			       pts_dir_fd == AT_FDCWD ? "/dev/ptmx" : "ptmx",
			       O_RDWR | O_NOCTTY | O_CLOEXEC | O_NOFOLLOW);
	int unlock = 0;
	int s;

	/* The host's /dev/ptmx may be a link to pts/ptmx. */
	if (m < 0 && errno == ELOOP)
		m = openat(pts_dir_fd, "/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (m < 0)
		return -errno;
	if (ioctl(m, TIOCSPTLCK, &unlock) < 0)
		return -errno;
	s = ioctl(m, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (s < 0)
		return -errno;
	*master = take_fd(&m);
	*slave = s;
	return 0;
}

int pty_resize(int fd, uint16_t rows, uint16_t cols)
{
	struct winsize w;

	if (ioctl(fd, TIOCGWINSZ, &w) < 0)
		return -errno;
	if (rows)
		w.ws_row = rows;
	if (cols)
		w.ws_col = cols;
	return ioctl(fd, TIOCSWINSZ, &w) < 0 ? -errno : 0;
}

int pty_size(int fd, uint16_t *rows, uint16_t *cols)
{
	struct winsize w;

	if (ioctl(fd, TIOCGWINSZ, &w) < 0)
		return -errno;
	*rows = w.ws_row;
	*cols = w.ws_col;
	return 0;
}

int pty_take(int slave)
{
	return ioctl(slave, TIOCSCTTY, 0) < 0 ? -errno : 0;
}

int pty_raw(int fd, struct termios *saved)
{
	struct termios raw;

	if (tcgetattr(fd, saved) < 0)
		return -errno;
	raw = *saved;
	cfmakeraw(&raw);
	return tcsetattr(fd, TCSADRAIN, &raw) < 0 ? -errno : 0;
}

void pty_restore(int fd, const struct termios *saved)
{
	(void)tcsetattr(fd, TCSADRAIN, saved);
}
