/* Small things that several commands of coracle-oci do. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "bin/oci.h"
#include "lib/base/fd.h"
#include "lib/base/fs.h"
#include "lib/base/mem.h"
#include "lib/base/str.h"

int oci_send_fd(const char *path, const char *name, int fd, struct err *e)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	AUTO_FD int sock = -1, dir = -1;
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *parent = slash ? mem_strn(path, (size_t)(slash - path) + 1) : mem_str(".");
	ssize_t n;

	/* The directory's own path may be longer than a socket's address. */
	dir = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, "socket '%s'", path);
	n = snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/%s", dir,
		     slash ? slash + 1 : path);
	if (n >= (ssize_t)sizeof(sa.sun_path))
		return err_set(e, ENAMETOOLONG, "socket '%s': name too long", path);
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (sock < 0 || connect(sock, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return err_sys(e, "socket '%s'", path);
	n = fd_send(sock, name, strlen(name), &fd, 1, 0, e);
	return n < 0 ? err_ctx(e, (int)n, "socket '%s'", path) : 0;
}

int oci_write_pid(const char *path, pid_t pid, struct err *e)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *parent = slash ? mem_strn(path, (size_t)(slash - path) + 1) : mem_str(".");
	AUTO_FREE char *text = mem_printf("%d", pid);
	AUTO_FD int dir = fs_open_dir(AT_FDCWD, parent, e);

	return dir < 0 ? dir : fs_replace(dir, slash ? slash + 1 : path, text, strlen(text), 0644,
					  FS_NOSYNC, e);
}
